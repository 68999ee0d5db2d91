import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  jsonIn,
  withManualRun,
  type Json,
  type ManualRun,
  type Schedule,
  type ScheduleRun,
} from '@agentfleet/domain'
import {
  CHANNELS,
  parseValue,
  requireParsed,
  scheduleSchema,
  scheduleTimesSchema,
  ServiceError,
  STREAMS,
  SUBJECTS,
  toStored,
  withoutFormat,
  type Shape,
} from '@agentfleet/protocol'
import { createAppender } from '../log/appends.ts'
import { readOrSkip } from '../log/formats.ts'
import type { Bus } from '../bus/bus.ts'
import { inParallel, parseInSlices, type Logger } from '@agentfleet/runtime'
import type { PulledMessage } from '../pointers/pull.ts'
import { streamFill, streamSubjects } from '../log/stream-reads.ts'
import type { StreamTail } from '../log/stream-tail.ts'
import { openVersions, type Versions } from './versions.ts'

/** When a schedule submits its task: without the task, which may take a megabyte and is read when it is due. */
export type ScheduleTimes = Pick<Schedule, 'cron' | 'timeZone' | 'overlap' | 'paused' | 'atMs'> & {
  /** From when its times count: a gateway whose clock is ahead must not keep it silent for the difference. */
  readonly fromMs: number
}

/** A schedule with the sequence of its last change; `schedule` is absent if it was removed or never made. */
interface FoundSchedule {
  readonly schedule: Schedule | undefined
  readonly seq: number
  /** The length of its text. */
  readonly chars: number
}

/** One change that a follower of schedules receives. */
export type ScheduleChange = {
  readonly tenant: string
  readonly name: string
  readonly seq: number
} & (
  | { readonly kind: 'defined'; readonly times: ScheduleTimes }
  | { readonly kind: 'removed' }
  | { readonly kind: 'ran'; readonly run: ScheduleRun }
)

/**
 * Schedules: three subjects for each, its definition, its last tick and the runs that clients asked for; the stream keeps
 * only the newest message of each.
 */
export interface Schedules {
  get(tenant: string, name: string): Promise<FoundSchedule>
  lastRun(tenant: string, name: string): Promise<ScheduleRun | undefined>
  names(tenant: string): Promise<string[]>
  /** The bytes of the schedules of all tenants. */
  bytes(): Promise<number>
  /** The bytes of these schedules of one tenant. */
  bytesOf(tenant: string, names: readonly string[]): Promise<number>
  /**
   * Defines or replaces a schedule; undefined removes it. `conflict`: the last change of the schedule is not at
   * `expectSeq` (0: there is none). Throws `outcome-unknown` when the server has not confirmed the write.
   */
  put(
    tenant: string,
    name: string,
    schedule: Schedule | undefined,
    expectSeq?: number,
  ): Promise<'stored' | 'conflict'>
  /** Notes a tick behind the note at `expectSeq` (0: none); `conflict`: another coordinator noted one. */
  noteRun(
    tenant: string,
    name: string,
    run: ScheduleRun,
    expectSeq: number,
  ): Promise<
    { readonly kind: 'stored'; readonly seq: number } | { readonly kind: 'conflict' | 'unknown' }
  >
  /** The newest runs that clients asked for, newest first. */
  manualRuns(tenant: string, name: string): Promise<readonly ManualRun[]>
  /** Notes such a run; false: it is not noted, because too many others were noted at the same time. */
  noteManualRun(tenant: string, name: string, run: ManualRun): Promise<boolean>
  /** Purges the messages of a removed schedule, up to this sequence. */
  forget(tenant: string, name: string, seq: number): Promise<void>
  /** Reads every stored change, then new ones, in order; `replaced`: none of them is stored now. */
  follow(receive: (change: ScheduleChange) => void, log: Logger, replaced?: () => void): StreamTail
}

const APPEND_WITHIN_MS = 5_000
const LARGE_CHARS = 64 * 1024
/** Schedules read side by side. */
const READS_AT_ONCE = 20
/** Compare-and-set rounds; a few people who run one schedule at the same time finish within this many. */
const NOTE_TRIES = 5
/** Subject, headers and frame of a stored schedule and of its last tick, bytes. */
const FRAME_BYTES = 500

/** Works on SCHEDULES over this connection. */
export function openSchedules(bus: Bus): Schedules {
  const appender = createAppender(bus)
  const versions = openVersions(bus, STREAMS.schedules, 'replaces')
  return {
    ...openManualRuns(bus, versions),
    async get(tenant, name) {
      const message = await versions.last(SUBJECTS.schedule(tenant, name))
      if (message === undefined) return { schedule: undefined, seq: 0, chars: 0 }
      const { text, seq } = message
      const value = text.length > LARGE_CHARS ? await largeJsonIn(text) : jsonIn(text)
      const stored = scheduleIn(value, scheduleSchema)
      return { schedule: stored && withContext(stored), seq, chars: text.length }
    },
    async lastRun(tenant, name) {
      const message = await versions.last(SUBJECTS.scheduleRun(tenant, name))
      return message && readOrSkip(bus.log, CHANNELS.scheduleRun, message)
    },
    async names(tenant) {
      const subjects = await streamSubjects(bus, STREAMS.schedules, SUBJECTS.schedule(tenant, '*'))
      return [...subjects].map((subject) => subject.slice(subject.lastIndexOf('.') + 1)).sort()
    },
    bytes: async () => (await streamFill(bus, STREAMS.schedules)).bytes,
    async bytesOf(tenant, names) {
      const sizes = await inParallel(names, READS_AT_ONCE, async (name) => {
        const message = await versions.last(SUBJECTS.schedule(tenant, name))
        return Buffer.byteLength(message?.text ?? '') + FRAME_BYTES
      })
      return sizes.reduce((total, bytes) => total + bytes, 0)
    },
    async put(tenant, name, schedule, expectSeq) {
      const subject = SUBJECTS.schedule(tenant, name)
      const stored = schedule === undefined ? { removed: true } : contextOnce(schedule)
      const data = toStored(stored, 'schedule')
      const { kind } = await versions.store(
        { subject, data, name: `the schedule ${name}` },
        expectSeq,
      )
      if (kind !== 'full') return kind
      throw new ServiceError(
        'overloaded',
        'The store of schedules is full. Delete some schedules, then try again.',
      )
    },
    async noteRun(tenant, name, run, expectSeq) {
      const answer = await appender.append({
        subject: SUBJECTS.scheduleRun(tenant, name),
        data: toStored(run, 'schedule'),
        expectSeq,
        replaces: true,
        deadlineMs: APPEND_WITHIN_MS,
      })
      return answer.kind === 'stored' || answer.kind === 'conflict' ? answer : { kind: 'unknown' }
    },
    async forget(tenant, name, seq) {
      for (const subject of [SUBJECTS.schedule, SUBJECTS.scheduleRun, SUBJECTS.manualRuns]) {
        await versions.purge(subject(tenant, name), seq)
      }
    },
    follow: (receive, log, replaced) =>
      versions.follow((message) => followed(message, receive, log), log, replaced),
  }
}

function openManualRuns(
  bus: Bus,
  versions: Versions,
): Pick<Schedules, 'manualRuns' | 'noteManualRun'> {
  const manual = async (tenant: string, name: string) => {
    const message = await versions.last(SUBJECTS.manualRuns(tenant, name))
    const runs = message && readOrSkip(bus.log, CHANNELS.manualRuns, message)
    return { runs: runs ?? [], seq: message?.seq ?? 0 }
  }
  return {
    manualRuns: async (tenant, name) => (await manual(tenant, name)).runs,
    async noteManualRun(tenant, name, run) {
      for (let tries = 0; tries < NOTE_TRIES; tries += 1) {
        const { runs, seq } = await manual(tenant, name)
        const next = withManualRun(runs, run)
        if (next === runs) return true
        const subject = SUBJECTS.manualRuns(tenant, name)
        const data = toStored({ runs: next }, 'schedule')
        const { kind } = await versions.store({ subject, data, name: `runs of ${name}` }, seq)
        if (kind !== 'conflict') return kind === 'stored'
      }
      return false
    },
  }
}

function followed(
  message: PulledMessage,
  receive: (change: ScheduleChange) => void,
  log: Logger,
): void {
  const { subject, text, seq, storedAtMs } = message
  const [, what = '', tenant = '', name = ''] = subject.split('.')
  // A run that a client asked for changes nothing about the ticks.
  if (what === 'manual') return
  const base = { tenant, name, seq }
  if (what === 'ran') {
    const run = readOrSkip(log, CHANNELS.scheduleRun, message)
    // An unreadable note still says when: the schedule continues behind it, and its next tick replaces the note.
    const noted = { tickMs: storedAtMs, skipped: true, atMs: storedAtMs }
    return receive({ kind: 'ran', ...base, run: run ?? noted })
  }
  const times = scheduleIn(jsonIn(text), scheduleTimesSchema)
  if (times === undefined) return receive({ kind: 'removed', ...base })
  const fromMs = Math.min(times.atMs, storedAtMs)
  receive({ kind: 'defined', ...base, times: { ...times, fromMs } })
}

/** A large context is stored only with the spec: writing and reading it take tens of milliseconds. */
function contextOnce(schedule: Schedule): Schedule {
  const { context, ...request } = schedule.request as Readonly<Record<string, Json>>
  return context !== undefined && context === schedule.spec.context
    ? { ...schedule, request }
    : schedule
}

/** The request with the context of its spec. */
function withContext(schedule: Schedule): Schedule {
  const { spec } = schedule
  if (spec.context === undefined) return schedule
  const request = { context: spec.context, ...(schedule.request as Readonly<Record<string, Json>>) }
  return { ...schedule, request }
}

/** The JSON of a schedule with a large task: reading and checking it each get their turns. */
async function largeJsonIn(text: string): Promise<unknown> {
  const value = await parseInSlices(Buffer.from(text), JSON).catch(() => undefined)
  await nextTurn()
  return value
}

/** The stored schedule, or a part of it; undefined if the message says that it was removed. Throws if it is unreadable. */
function scheduleIn<T>(value: unknown, schema: Shape<T>['schema']): T | undefined {
  const stored = withoutFormat(value, 'schedule')
  const { removed } = (stored ?? {}) as { readonly removed?: unknown }
  return removed === true ? undefined : requireParsed(parseValue(stored, schema))
}
