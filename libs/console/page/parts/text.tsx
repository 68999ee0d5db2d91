import { useState } from 'preact/hooks'
import { bytes, readable } from '../format/format.ts'

/** Characters that are drawn at once; the rest is drawn on request. */
const SHOWN_CHARS = 20_000

/** A text or JSON value as plain text; a long one is cut until the reader asks for all of it. */
export function Text({ value, label }: { value: unknown; label: string }) {
  const [whole, setWhole] = useState(false)
  const text = readable(value)
  const cut = !whole && text.length > SHOWN_CHARS
  return (
    <>
      <pre tabIndex={0} role="region" aria-label={label} dir="auto">
        {cut ? text.slice(0, SHOWN_CHARS) : text}
      </pre>
      {cut && (
        <button type="button" onClick={() => setWhole(true)}>
          Show all {bytes(text.length)}
        </button>
      )}
    </>
  )
}

/** A text with a button that copies it. */
export function Copyable({ text, label }: { text: string; label: string }) {
  const [said, setSaid] = useState('')
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setSaid('Copied.')
    } catch {
      setSaid('The browser refused; select the text and copy it.')
    }
  }
  return (
    <div class="copyable">
      <Text value={text} label={label} />
      <p>
        <button type="button" onClick={() => void copy()}>
          Copy {label}
        </button>{' '}
        <span role="status">{said}</span>
      </p>
    </div>
  )
}
