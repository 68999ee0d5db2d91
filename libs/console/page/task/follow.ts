import { useEffect, useRef, useState } from 'preact/hooks'
import { isTerminal } from '@agentfleet/domain'
import type { HistoryEvent, TaskHistory, TaskText, TaskView } from '@agentfleet/protocol'
import { request } from '../api/http.ts'
import { useLoad, type Loaded } from '../api/load.ts'
import { withQuery } from '../api/query.ts'
import { followStream, POLLED_EVERY_MS, STREAMED_EVERY_MS, streaming } from '../api/socket.ts'
import { withDelta, withWritten, type LiveText } from './live-text.ts'

/** Text is drawn at most this often, milliseconds. */
const DRAW_MS = 100
/** Answers of 1,000 events that one load reads; the next load continues after them. */
const PAGES_MAX = 20

/** A task with its stored events. */
export interface Followed {
  readonly task: TaskView
  readonly events: readonly HistoryEvent[]
  /** Whether every stored event has been read. */
  readonly complete: boolean
}

/** Loads a task with its events, follows it while it lives, and collects the text that it writes. */
export function useTask(id: string): { loaded: Loaded<Followed>; live: LiveText | undefined } {
  const [ended, setEnded] = useState(false)
  const everyMs = streaming.value ? STREAMED_EVERY_MS : POLLED_EVERY_MS
  const events = useRef<readonly HistoryEvent[]>([])
  const load = async (signal: AbortSignal) => {
    const next = await readTask(id, events.current, signal)
    events.current = next.events
    return next
  }
  const loaded = useLoad(`task ${id}`, load, ended ? undefined : everyMs)
  const { value, reload } = loaded
  const isOver = value !== undefined && value.complete && hasEnded(value)
  useEffect(() => setEnded(isOver), [isOver])

  const known = value !== undefined
  const [live, setLive] = useState<LiveText>()
  const seen = useRef(0)
  seen.current = value?.events.at(-1)?.seq ?? 0
  useEffect(() => {
    if (!known || isOver) return undefined
    let text: LiveText | undefined
    let timer = 0
    let due = false
    const draw = () => {
      timer = 0
      setLive(text)
      if (due) reload()
      due = false
    }
    const abort = new AbortController()
    /** Reads what the run wrote before this connection followed it. A failure only leaves the beginning out. */
    const catchUp = async () => {
      const path = `/v1/tasks/${encodeURIComponent(id)}/text`
      const written = await request<TaskText>(path, { signal: abort.signal }).catch(() => undefined)
      if (abort.signal.aborted || written === undefined) return
      text = withWritten(text, written)
      if (timer === 0) timer = window.setTimeout(draw, DRAW_MS)
    }
    const stop = followStream(
      () => {
        void catchUp()
        return { type: 'subscribe', taskIds: [id], after: seen.current, deltas: true }
      },
      (frame) => {
        if (frame.type === 'delta') text = withDelta(text, frame)
        else if (frame.type === 'event') due = true
        else return
        if (timer === 0) timer = window.setTimeout(draw, DRAW_MS)
      },
    )
    return () => {
      abort.abort()
      clearTimeout(timer)
      stop()
    }
  }, [id, known, isOver, reload])
  return { loaded, live }
}

/** Whether the task has ended and its last event has been read: the two answers come one after the other. */
function hasEnded({ task, events }: Followed): boolean {
  return isTerminal(task.state) && task.seq <= (events.at(-1)?.seq ?? 0)
}

/** Reads the task and the events that are not known yet, without answers, which may be large. */
async function readTask(
  id: string,
  known: readonly HistoryEvent[],
  signal: AbortSignal,
): Promise<Followed> {
  const path = `/v1/tasks/${encodeURIComponent(id)}`
  const events = [...known]
  let after = known.at(-1)?.seq
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const history = await request<TaskHistory>(
      withQuery(`${path}/events`, { after, omit: 'output' }),
      { signal },
    )
    events.push(...history.events)
    after = history.nextAfter
    if (after === undefined) break
  }
  const task = await request<TaskView>(path, { signal })
  return { task, events, complete: after === undefined }
}
