import { useEffect, useState } from 'preact/hooks'

/** The reader has stopped typing after this pause, milliseconds. */
const PAUSE_MS = 400

/** Returns a text as soon as the reader has stopped typing, so that not every letter sends a request. */
export function useSettled(text: string): string {
  const [settled, setSettled] = useState(text)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), PAUSE_MS)
    return () => clearTimeout(timer)
  }, [text])
  return settled
}
