import { diffOf, linesOf, type DiffLine } from './line-diff.ts'

const SIGNS: Readonly<Record<DiffLine['kind'], string>> = { same: ' ', removed: '−', added: '+' }

/** Two definitions side by side, as one text with removed and added lines. */
export function Diff({ before, after, label }: { before: object; after: object; label: string }) {
  const lines = diffOf(linesOf(before), linesOf(after))
  if (lines.every(({ kind }) => kind === 'same')) return <p class="muted">No difference.</p>
  return (
    <pre class="diff" tabIndex={0} role="region" aria-label={label}>
      {lines.map(({ kind, text }, index) => (
        <span key={index} class={kind}>
          {`${SIGNS[kind]} ${text}\n`}
        </span>
      ))}
    </pre>
  )
}
