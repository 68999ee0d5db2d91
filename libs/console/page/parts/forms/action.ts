import { useState } from 'preact/hooks'
import { ApiError } from '../../api/http.ts'

/** Stands at an action that was sent with a key that had ended. */
const KEY_REFUSED = 'Nothing was changed, because the key had ended. Send it again.'

/** An action of the reader that is sent to the gateway. */
export interface Action {
  /** The result of the last action, in words for the reader. */
  readonly said: string
  /** Why the gateway refused the last action; undefined if it did not. */
  readonly refused: ApiError | undefined
  readonly busy: boolean
  /** Sends an action and then says `done`, or why it did not succeed; while one is under way, no other one starts. */
  readonly act: (send: () => Promise<unknown>, done?: string) => Promise<void>
}

/** Keeps the state of the actions of one place. */
export function useAction(): Action {
  const [said, setSaid] = useState('')
  const [refused, setRefused] = useState<ApiError>()
  const [busy, setBusy] = useState(false)
  const act = async (send: () => Promise<unknown>, done = '') => {
    if (busy) return
    setBusy(true)
    setSaid('')
    setRefused(undefined)
    try {
      await send()
      setSaid(done)
    } catch (error) {
      const refusal = error instanceof ApiError ? error : undefined
      // The page asks for another key by itself; the action waits for the reader.
      const isKey = refusal?.status === 401
      if (!isKey) setRefused(refusal)
      setSaid(isKey ? KEY_REFUSED : String(refusal?.message ?? error))
    } finally {
      setBusy(false)
    }
  }
  return { said, refused, busy, act }
}
