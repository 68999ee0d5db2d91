import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { bytes } from '@agentfleet/domain'
import { Button } from './button.tsx'
import { readable } from '../format/format.ts'

/** Characters that are drawn at once; the reader asks for more, part by part. */
const SHOWN_CHARS = 20_000
const MORE_CHARS = 100_000
/** A reader within this distance of the end reads along, pixels. */
const NEAR_END_PX = 24

/** A text or JSON value as plain text; a long one is drawn part by part. `follow` keeps its growing end in view. */
export function Text({
  value,
  label,
  follow = false,
}: {
  value: unknown
  label: string
  follow?: boolean
}) {
  const [shown, setShown] = useState(SHOWN_CHARS)
  const text = useMemo(() => readable(value), [value])
  const box = useRef<HTMLPreElement>(null)
  const atEnd = useRef(true)
  useEffect(() => {
    const { current } = box
    if (follow && atEnd.current && current !== null) current.scrollTop = current.scrollHeight
  }, [text, follow])
  // While the model writes, the end of the text matters most.
  const part = follow ? text.slice(-SHOWN_CHARS) : text.slice(0, shown)
  const left = follow ? 0 : text.length - shown
  return (
    <>
      <pre
        ref={box}
        tabIndex={0}
        role="region"
        aria-label={label}
        dir="auto"
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_END_PX
        }}
      >
        {part}
      </pre>
      {left > 0 && (
        <p class="row">
          <span class="muted">
            {bytes(shown)} of {bytes(text.length)} are shown.
          </span>
          <Button act={() => setShown(shown + MORE_CHARS)}>
            Show {bytes(Math.min(MORE_CHARS, left))} more
          </Button>
        </p>
      )}
      {left > 0 && <CopyButton text={text} label={label} />}
    </>
  )
}

/** A text or JSON value below its title; nothing without a value. */
export function TitledText({ title, value }: { title: string; value: unknown }) {
  if (value === undefined) return null
  return (
    <>
      <h2>{title}</h2>
      <Text value={value} label={title} />
    </>
  )
}

/** A text with a button that copies it. */
export function Copyable({ text, label }: { text: string; label: string }) {
  return (
    <div class="copyable">
      <Text value={text} label={label} />
      <CopyButton text={text} label={label} />
    </div>
  )
}

function CopyButton({ text, label }: { text: string; label: string }) {
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
    <p>
      <Button act={copy}>Copy {label}</Button> <span role="status">{said}</span>
    </p>
  )
}
