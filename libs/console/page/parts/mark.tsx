import type { TaskSummary } from '@agentfleet/protocol'

type State = TaskSummary['state']

/** One shape for each state, so that no meaning depends on a colour alone; a box of 16 by 16. */
const SHAPES: Readonly<Record<State, string>> = {
  waiting: 'M4 2h8v2.5L9 8l3 3.5V14H4v-2.5L7 8 4 4.5zM6 4h4L8 6.3z',
  queued: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zm0 2a4 4 0 1 1 0 8 4 4 0 0 1 0-8z',
  running: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zm0 2v8a4 4 0 0 1 0-8z',
  retrying: 'M8 2a6 6 0 0 1 5 2.7L14.5 3v5h-5l2-2A4 4 0 1 0 12 9.2h2A6 6 0 1 1 8 2z',
  completed: 'M2 8.5 3.6 7 6.5 9.8 12.4 3.5 14 5 6.6 13z',
  failed: 'M3.4 2 8 6.6 12.6 2 14 3.4 9.4 8l4.6 4.6-1.4 1.4L8 9.4 3.4 14 2 12.6 6.6 8 2 3.4z',
  cancelled:
    'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM5 5.5 10.5 11A4 4 0 0 1 5 5.5zm6 5L5.5 5A4 4 0 0 1 11 10.5z',
}

/** A node has the colour of a state of tasks, and a shape. */
const NODE_LOOKS: Readonly<Record<string, readonly [colour: State, shape: string]>> = {
  alive: ['completed', 'M3 3h10v10H3z'],
  suspect: ['retrying', 'M8 2l6.5 12h-13z'],
  stalled: ['retrying', 'M3 3h4v10H3zm6 0h4v10H9z'],
  dead: ['failed', SHAPES.failed],
  draining: ['queued', 'M3 3h10v10H3zm2 2v6h6V5z'],
}

/** A state as shape, word and colour. */
export function StateMark({ state }: { state: State }) {
  return <Mark word={state} colour={state} shape={SHAPES[state]} />
}

/** The state of a node as shape, word and colour. */
export function NodeMark({ state }: { state: string }) {
  const [colour, shape] = NODE_LOOKS[state] ?? ['queued', SHAPES.queued]
  return <Mark word={state} colour={colour} shape={shape} />
}

function Mark({ word, colour, shape }: { word: string; colour: State; shape: string }) {
  return (
    <span class={`mark ${colour}`}>
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
        <path d={shape} fill="currentColor" fill-rule="evenodd" />
      </svg>
      {word}
    </span>
  )
}
