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

/** A state as shape, word and colour. */
export function StateMark({ state }: { state: State }) {
  return (
    <span class={`mark ${state}`}>
      <Shape path={SHAPES[state]} />
      {state}
    </span>
  )
}

const NODE_SHAPES: Readonly<Record<string, string>> = {
  alive: 'M3 3h10v10H3z',
  suspect: 'M8 2l6.5 12h-13z',
  stalled: 'M3 3h4v10H3zm6 0h4v10H9z',
  dead: SHAPES.failed,
  draining: 'M3 3h10v10H3zm2 2v6h6V5z',
}
const NODE_COLOURS: Readonly<Record<string, string>> = {
  alive: 'completed',
  suspect: 'retrying',
  stalled: 'retrying',
  dead: 'failed',
  draining: 'queued',
}

/** The state of a node as shape, word and colour. */
export function NodeMark({ state }: { state: string }) {
  return (
    <span class={`mark ${NODE_COLOURS[state] ?? 'queued'}`}>
      <Shape path={NODE_SHAPES[state] ?? SHAPES.queued} />
      {state}
    </span>
  )
}

function Shape({ path }: { path: string }) {
  return (
    <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <path d={path} fill="currentColor" fill-rule="evenodd" />
    </svg>
  )
}
