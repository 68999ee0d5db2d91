import type { ComponentChildren } from 'preact'

/** Names and values; entries without a value are left out. */
export function Facts({
  of,
}: {
  of: readonly (readonly [name: string, value: ComponentChildren | undefined])[]
}) {
  return (
    <dl class="facts">
      {of.map(
        ([name, value]) =>
          value !== undefined && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  )
}

/** Large figures with their names. */
export function Figures({
  of,
}: {
  of: readonly (readonly [name: string, value: ComponentChildren, note?: string])[]
}) {
  return (
    <dl class="figures">
      {of.map(([name, value, note]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
          {note !== undefined && <dd class="note">{note}</dd>}
        </div>
      ))}
    </dl>
  )
}
