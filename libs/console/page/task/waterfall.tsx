import { instant } from '../format/format.ts'
import { TaskLink } from '../parts/links.tsx'
import { lengthWords, type Bar } from './timeline.ts'

/** The bars of a task on one axis of time, as a table that is read row by row. */
export function Waterfall({ bars }: { bars: readonly Bar[] }) {
  const startMs = Math.min(...bars.map((each) => each.startMs))
  const endMs = Math.max(startMs + 1, ...bars.map((each) => each.endMs))
  const share = (ms: number) => ((ms - startMs) / (endMs - startMs)) * 100
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Timeline">
      <table class="waterfall">
        <caption class="quiet">What happened, in the order of the starts</caption>
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col" class="number">
              Took
            </th>
            <th scope="col" class="axis">
              From {instant(startMs)}
            </th>
            <th scope="col" class="wide">
              Detail
            </th>
          </tr>
        </thead>
        <tbody>
          {bars.map((each) => (
            <tr key={each.key}>
              <th
                scope="row"
                class={each.kind === 'llm' || each.kind === 'tool' ? 'inner' : undefined}
              >
                {each.label}
              </th>
              <td class="number" title={`ended ${instant(each.endMs)}`}>
                {lengthWords(each)}
                {each.running && ' so far'}
              </td>
              <td class="axis">
                <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                  <rect
                    class={`bar ${each.kind}`}
                    x={share(each.startMs)}
                    y="1"
                    width={Math.max(0.6, share(each.endMs) - share(each.startMs))}
                    height="8"
                  />
                </svg>
              </td>
              <td class="wide">
                <bdi>{each.detail}</bdi>
                {each.taskIds.map((id) => (
                  <span key={id}>
                    {' '}
                    <TaskLink id={id} />
                  </span>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
