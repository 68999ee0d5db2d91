import { signal } from '@preact/signals'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, request, unreadable } from './http.ts'
import { apiKey, keyWanted } from './key.ts'

/** Values that a view loads again and again. */
export interface Loaded<Value> {
  /** The last value that arrived; kept while a newer one loads or fails. */
  readonly value: Value | undefined
  readonly error: ApiError | undefined
  readonly loadedAtMs: number | undefined
  /** Loads at once. */
  readonly reload: () => void
}

/** Whether the reader has paused all reloading. */
export const paused = signal(false)

/** A failed load is tried again after this at the earliest, milliseconds. */
const RETRY_MS = 3_000

interface State<Value> extends Omit<Loaded<Value>, 'reload'> {
  readonly key: string
}

/**
 * Loads a value, and loads it again `everyMs` after each answer while the tab is visible and not paused.
 * `key` names the value: when it changes, the old value is dropped.
 */
export function useLoad<Value>(
  key: string,
  load: (signal: AbortSignal) => Promise<Value>,
  everyMs?: number,
): Loaded<Value> {
  const empty: State<Value> = { key, value: undefined, error: undefined, loadedAtMs: undefined }
  const [state, setState] = useState(empty)
  const latest = useRef(load)
  latest.current = load
  const every = useRef(everyMs)
  every.current = everyMs
  const wake = useRef(() => {})
  const replan = useRef(() => {})
  const secret = apiKey.value
  const stopped = keyWanted.value

  useEffect(() => {
    if (stopped) return undefined
    const abort = new AbortController()
    let timer = 0
    let running = false
    const run = async (): Promise<void> => {
      if (running) return
      running = true
      const next = await outcome(key, () => latest.current(abort.signal))
      running = false
      if (abort.signal.aborted) return
      setState((before) => merged(before, next))
      plan(next.error)
    }
    /** Sets the time of the next load; a hidden or paused view has none. */
    const plan = (error?: ApiError) => {
      clearTimeout(timer)
      const ms = error === undefined ? every.current : retryAfter(error, every.current)
      if (ms !== undefined && !document.hidden && !paused.value) {
        timer = window.setTimeout(() => void run(), ms)
      }
    }
    const resume = () => {
      if (document.hidden || paused.value || every.current === undefined) clearTimeout(timer)
      else void run()
    }
    wake.current = () => void run()
    replan.current = () => plan()
    void run()
    document.addEventListener('visibilitychange', resume)
    // The first call reports the present state, so it changes nothing.
    let first = true
    const unwatch = paused.subscribe(() => {
      if (!first) resume()
      first = false
    })
    return () => {
      abort.abort()
      clearTimeout(timer)
      unwatch()
      document.removeEventListener('visibilitychange', resume)
    }
  }, [key, secret, stopped])
  // Another interval moves the next load, but loads nothing at once: a list must not move under a click.
  useEffect(() => replan.current(), [everyMs])

  const reload = useCallback(() => wake.current(), [])
  const { value, error, loadedAtMs } = state.key === key ? state : empty
  return { value, error, loadedAtMs, reload }
}

/**
 * Loads the answer to a GET request of this path, like `useLoad`. A view that works with a list of the answer outside of
 * a panel names this list: an answer without the list counts as failed, and the last answer stays.
 */
export function useRead<Answer>(
  path: string,
  everyMs?: number,
  list?: keyof Answer & string,
): Loaded<Answer> {
  return useLoad(path, (signal) => read<Answer>(path, signal, list), everyMs)
}

/** Reads an answer; throws an ApiError if the answer lacks the named list. */
export async function read<Answer>(
  path: string,
  signal: AbortSignal,
  list: (keyof Answer & string) | undefined,
): Promise<Answer> {
  const answer = await request<Answer>(path, { signal })
  if (list === undefined || Array.isArray(Object(answer)[list])) return answer
  throw unreadable(200, `an answer without “${list}”`)
}

/** Milliseconds until a failed load is tried again; undefined if trying again cannot help. */
function retryAfter(error: ApiError, everyMs: number | undefined): number | undefined {
  if (everyMs === undefined && !isPassing(error)) return undefined
  return Math.max(RETRY_MS, everyMs ?? 0, (error.retryAfterS ?? 0) * 1_000)
}

/** Whether the same request may succeed later. */
function isPassing(error: ApiError): boolean {
  return error.status === 0 || error.status === 429 || error.status >= 500
}

async function outcome<Value>(key: string, load: () => Promise<Value>): Promise<State<Value>> {
  try {
    return { key, value: await load(), error: undefined, loadedAtMs: Date.now() }
  } catch (error) {
    const known =
      error instanceof ApiError
        ? error
        : new ApiError({ code: 'page-failed', status: 0, detail: String(error) })
    return { key, value: undefined, error: known, loadedAtMs: undefined }
  }
}

/** Keeps the old value next to a new error. */
function merged<Value>(before: State<Value>, next: State<Value>): State<Value> {
  if (next.error === undefined || before.key !== next.key) return next
  return { ...before, error: next.error }
}
