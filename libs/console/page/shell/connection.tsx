import { useEffect, useState } from 'preact/hooks'
import { contact } from '../api/http.ts'
import { paused } from '../api/load.ts'
import { connectionWords } from './connection-words.ts'

/** Milliseconds between looks at the age of the last answer. */
const LOOK_MS = 1_000

/** Says whether the figures on the page are current. */
export function Connection() {
  const [nowMs, setNowMs] = useState(Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), LOOK_MS)
    return () => clearInterval(timer)
  }, [])
  const { kind, text } = connectionWords({ ...contact.value, paused: paused.value, nowMs })
  return (
    <p class={`connection ${kind}`} role="status">
      {text}
    </p>
  )
}
