import { setTimeout as delay } from 'node:timers/promises'
import { ClientError, createClient } from '@agentfleet/client'
import { openAudit, type FleetAccess } from '../audit.ts'
import { say } from '../command/flags.ts'
import { quantile, spreadOf, type Spread } from '../figures.ts'
import { isEnding, type Histories } from '../invariants/logged-event.ts'
import type { Accepted, Findings } from '../invariants.ts'
import type { TraceRow } from './trace.ts'

/** The trace, its speed, and the name that makes its keys unique. */
export interface PlayOptions {
  readonly rows: readonly TraceRow[]
  readonly speed: number
  readonly run: string
}

/** Results of a trace. */
export interface PlayFigures {
  readonly sent: number
  /** Submissions that were never accepted, although they were repeated. */
  readonly refused: number
  readonly repeats: number
  readonly lateMs: Spread
  readonly playSeconds: number
  readonly totalSeconds: number
  readonly completedPerSecond: number
  readonly tokensPerSecond: number
  /** From `submitted` to the ending, less the provider's own time, milliseconds. */
  readonly addedMs: Spread & { readonly p90: number }
  readonly findings: Findings
}

/** Typical of hosted models of that time; both are divided by the speed-up, like all times. */
const TTFT_MS = 200
const TOKENS_PER_SECOND = 50
/** A task of the API holds 128 KiB of text; four characters stand for a token. */
const PROMPT_CHARS_MAX = 120_000
const CHARS_PER_TOKEN = 4
const TRIES_MAX = 5
const RETRY_AFTER_MS = 500
/** Most unanswered submissions; beyond it the player waits, and reports its delay. */
const UNANSWERED_MAX = 500
const COMPLETE_WITHIN_MS = 300_000
const PROGRESS_EVERY_MS = 10_000

/** Sends every row when it is due, waits for all endings, and reads the log for the truth. */
export async function playTrace(access: FleetAccess, options: PlayOptions): Promise<PlayFigures> {
  const { rows, speed } = options
  const audit = await openAudit(access)
  // A running fleet has an earlier history, which is not checked.
  await audit.check([])
  const endedBefore = audit.ended()
  const known = new Set(audit.histories.keys())
  try {
    const startedAt = performance.now()
    const { accepted, ...sent } = await sendAll(access.url, options, startedAt, () => {
      const done = audit.ended() - endedBefore
      say(`${Math.round((performance.now() - startedAt) / 1000)} s: ${done} ended`)
    })
    const playSeconds = (performance.now() - startedAt) / 1000
    await audit.untilEnded(endedBefore + accepted.size, COMPLETE_WITHIN_MS)
    const totalSeconds = (performance.now() - startedAt) / 1000
    const checked = [...accepted.keys()].map((row) => accepted.get(row)!)
    const findings = await audit.check(checked)
    const own = new Map([...audit.histories].filter(([taskId]) => !known.has(taskId)))
    const added = addedTimes(own, accepted, rows, speed)
    const done = checked.filter(({ taskId }) =>
      own.get(taskId)?.some((e) => e.type === 'completed'),
    )
    const tokens = [...accepted].reduce((sum, [row]) => sum + (rows[row]?.answerTokens ?? 0), 0)
    return {
      ...sent,
      sent: rows.length,
      playSeconds,
      totalSeconds,
      completedPerSecond: done.length / totalSeconds,
      tokensPerSecond: tokens / totalSeconds,
      addedMs: { ...spreadOf(added), p90: quantile(Float64Array.from(added).sort(), 0.9) },
      findings,
    }
  } finally {
    await audit.close()
  }
}

/** The provider's time for one row at this speed, milliseconds. */
function providerMs(row: TraceRow, speed: number): number {
  return (TTFT_MS + (1000 * row.answerTokens) / TOKENS_PER_SECOND) / speed
}

/** The model that answers a row at this speed. */
function modelOf(row: TraceRow, speed: number): string {
  const ttft = Math.round(TTFT_MS / speed)
  const tokens = Math.max(1, row.answerTokens)
  return `sim?ttft=${ttft}&tps=${TOKENS_PER_SECOND * speed}&tokens=${tokens}`
}

async function sendAll(
  url: string,
  { rows, speed, run }: PlayOptions,
  startedAt: number,
  progress: () => void,
) {
  const client = createClient({ baseUrl: url })
  const accepted = new Map<number, Accepted>()
  const lateMs: number[] = []
  const unanswered = new Set<Promise<void>>()
  let repeats = 0
  let refused = 0
  const text = 'Please answer this question with care. '.repeat(
    Math.ceil(PROMPT_CHARS_MAX / 'Please answer this question with care. '.length),
  )
  const submit = async (index: number, row: TraceRow): Promise<void> => {
    const key = `${run}-${index}`
    const chars = Math.min(PROMPT_CHARS_MAX, Math.max(1, row.promptTokens * CHARS_PER_TOKEN))
    const task = { task: text.slice(0, chars), model: modelOf(row, speed) }
    for (let tries = 1; ; tries += 1) {
      try {
        const { id } = await client.submit(task, { idempotencyKey: key })
        accepted.set(index, { taskId: id, key })
        return
      } catch (error) {
        if (!(error instanceof ClientError) || tries === TRIES_MAX) {
          refused += 1
          process.stderr.write(`row ${index} was refused: ${String(error)}\n`)
          return
        }
        repeats += 1
        await delay(RETRY_AFTER_MS * tries)
      }
    }
  }
  const ticker = setInterval(progress, PROGRESS_EVERY_MS)
  try {
    for (const [index, row] of rows.entries()) {
      const dueAt = startedAt + row.atMs / speed
      const waitMs = dueAt - performance.now()
      if (waitMs > 1) await delay(waitMs)
      while (unanswered.size >= UNANSWERED_MAX) await Promise.race(unanswered)
      lateMs.push(Math.max(0, performance.now() - dueAt))
      const submission = submit(index, row).finally(() => unanswered.delete(submission))
      unanswered.add(submission)
    }
    await Promise.all(unanswered)
  } finally {
    clearInterval(ticker)
  }
  return { accepted, repeats, refused, lateMs: spreadOf(lateMs) }
}

function addedTimes(
  histories: Histories,
  accepted: ReadonlyMap<number, Accepted>,
  rows: readonly TraceRow[],
  speed: number,
): number[] {
  const added: number[] = []
  for (const [index, { taskId }] of accepted) {
    const events = histories.get(taskId)
    const row = rows[index]
    const first = events?.[0]
    const end = events?.find(isEnding)
    if (row === undefined || first === undefined || end?.type !== 'completed') continue
    added.push(end.atMs - first.atMs - providerMs(row, speed))
  }
  return added
}
