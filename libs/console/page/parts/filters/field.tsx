import { useState } from 'preact/hooks'
import { place, setQuery } from '../../shell/router.ts'
import { zone } from '../../shell/zone.ts'

/** A text of the address that the reader can change, such as a filter. */
export function Typed({
  name,
  label,
  choices = [],
}: {
  name: string
  label: string
  /** Values that the browser offers; others are allowed. */
  choices?: readonly string[] | undefined
}) {
  const list = choices.length === 0 ? undefined : `values-${name}`
  return (
    <label>
      {label}{' '}
      <Draft
        value={place.value.query[name] ?? ''}
        enter={(text) => setQuery({ [name]: text.trim() })}
        maxLength={200}
        list={list}
      />
      {list !== undefined && (
        <datalist id={list}>
          {choices.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
    </label>
  )
}

/** An input that keeps what the reader types while the view around it is drawn again, until the reader enters it. */
export function Draft({
  value,
  enter,
  ...rest
}: {
  value: string
  enter: (text: string) => void
  maxLength?: number
  list?: string | undefined
  placeholder?: string
}) {
  const [draft, setDraft] = useState<string>()
  return (
    <input
      {...rest}
      type="text"
      value={draft ?? value}
      onInput={({ currentTarget }) => setDraft(currentTarget.value)}
      onChange={({ currentTarget }) => {
        setDraft(undefined)
        enter(currentTarget.value)
      }}
    />
  )
}

/** A time of the address that the reader can change. */
export function Time({ name, label }: { name: string; label: string }) {
  return (
    <label>
      {label}{' '}
      <input
        type="datetime-local"
        value={localOf(place.value.query[name] ?? '')}
        onChange={({ currentTarget }) => setQuery({ [name]: instantOf(currentTarget.value) })}
      />
    </label>
  )
}

/** The address has the time in UTC; the field shows the time in the zone that the reader chose. */
function localOf(text: string): string {
  const atMs = Date.parse(text)
  if (Number.isNaN(atMs)) return ''
  const minutes = zone.value === 'UTC' ? 0 : new Date(atMs).getTimezoneOffset()
  return new Date(atMs - minutes * 60_000).toISOString().slice(0, 16)
}

function instantOf(local: string): string | undefined {
  if (local === '') return undefined
  return new Date(zone.value === 'UTC' ? `${local}Z` : local).toISOString()
}
