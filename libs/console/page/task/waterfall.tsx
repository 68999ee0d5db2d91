import { instant } from '../format/format.ts'
import { TaskLink } from '../parts/links.tsx'
import { VirtualTable, type WideColumn } from '../parts/tables/virtual-table.tsx'
import { linkTo } from '../shell/router.ts'
import { zone } from '../shell/zone.ts'
import { lengthWords, type Bar } from './timeline.ts'

/** Tasks of one bar that have a link; a row has no space for more. */
const LINKS_SHOWN = 6

/** The bars of a task on one axis of time, as a table that is read row by row; a call leads to its answer. */
export function Waterfall({ id, bars }: { id: string; bars: readonly Bar[] }) {
  // A spread of thousands of numbers into a call could exceed the stack.
  const startMs = bars.reduce((least, each) => Math.min(least, each.startMs), Infinity)
  const endMs = bars.reduce((most, each) => Math.max(most, each.endMs), startMs + 1)
  return (
    <div class="waterfall">
      <VirtualTable
        caption="What happened, in the order of the starts"
        columns={columnsOf(id, startMs, endMs)}
        rows={bars}
        keyOf={({ key }) => key}
      />
    </div>
  )
}

function columnsOf(id: string, startMs: number, endMs: number): readonly WideColumn<Bar>[] {
  const share = (ms: number) => ((ms - startMs) / (endMs - startMs)) * 100
  return [
    {
      title: 'Step',
      width: 250,
      of: ({ kind, label, seq }) => (
        <span class={kind === 'llm' || kind === 'tool' ? 'inner' : undefined}>
          {seq === undefined ? (
            <bdi>{label}</bdi>
          ) : (
            <a href={linkTo('tasks', id, { tab: 'events', event: String(seq) })}>
              <bdi>{label}</bdi>
            </a>
          )}
        </span>
      ),
    },
    {
      title: 'Took',
      width: 130,
      kind: 'number',
      of: (each) => (
        <span title={`ended ${instant(each.endMs, zone.value)}`}>
          {lengthWords(each)}
          {each.running && ' so far'}
        </span>
      ),
    },
    {
      title: `From ${instant(startMs, zone.value)}`,
      short: 'When',
      width: 320,
      of: (each) => (
        <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
          <rect
            class={`bar ${each.kind}`}
            x={Math.min(99.4, share(each.startMs))}
            y="1"
            width={Math.max(0.6, share(each.endMs) - share(each.startMs))}
            height="8"
          />
        </svg>
      ),
    },
    {
      title: 'Detail',
      kind: 'wide',
      of: (each) => (
        <>
          <bdi title={each.detail}>{each.detail}</bdi>
          {each.taskIds.slice(0, LINKS_SHOWN).map((id) => (
            <span key={id}>
              {' '}
              <TaskLink id={id} />
            </span>
          ))}
          {each.taskIds.length > LINKS_SHOWN && ` and ${each.taskIds.length - LINKS_SHOWN} more`}
        </>
      ),
    },
  ]
}
