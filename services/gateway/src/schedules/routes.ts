import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Schedules } from '@agentfleet/adapters'
import {
  decideShare,
  limitOf,
  type Json,
  type Schedule,
  type ScheduleRun,
  type TaskSpec,
  type TenantLimits,
} from '@agentfleet/domain'
import {
  SCHEDULES_MAX_BYTES,
  type FilledTaskRequest,
  type ScheduleList,
  type ScheduleRequest,
  type ScheduleView,
} from '@agentfleet/protocol'
import { createSlices } from '@agentfleet/runtime'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { checkCron, nextTick } from './cron.ts'
import { requireAgent } from '../principals/allowed-agents.ts'
import { submitterOf, unapprovable } from '../principals/submitter.ts'
import { inPart, Refusal, wrongField } from '../http/problems.ts'
import { createTenantTurns } from '../tenants/turns.ts'
import { checkVersion, etagOf } from '../agents/versions.ts'
import { nextOf, positionOf } from '../lists/cursor.ts'
import { isoTime } from '../tasks/views.ts'
import { DEFAULT_LIMITS } from '../tenants/default-limits.ts'

interface ScheduleRouteDeps {
  readonly schedules: Schedules
  /** Converts a task request to its spec. */
  readonly specOf: (tenant: string, request: FilledTaskRequest) => Promise<TaskSpec>
  readonly nowMs: () => number
  readonly limits: TenantLimits
  /** Returns how many tenants share the fleet. */
  readonly tenants: () => number
}

/** Definitions may fill this part of the stream, so that ticks and deletions always find room. */
const SCHEDULES_SHARE = 0.9
/** While less than this part is in use, no tenant can be over its share. */
const UNCOUNTED_SHARE = 0.25
/** The name of the list in its cursors. */
const LISTING = 'schedules'
/** Characters of stored tasks in one page of the list; the schedule that exceeds them is the last one. */
const PAGE_CHARS = 1024 * 1024
/** Compare-and-set rounds; two concurrent writers finish within this many. */
const STORE_TRIES = 5

/** Creates the handlers of `/v1/schedules…` by operationId. */
export function scheduleRoutes(deps: ScheduleRouteDeps) {
  const { schedules, specOf, nowMs, limits, tenants } = deps
  const nameOf = (request: FastifyRequest) => (request.params as { name: string }).name

  async function found(tenant: string, name: string): Promise<FoundSchedule | undefined> {
    const [{ schedule, seq, chars }, run] = await Promise.all([
      schedules.get(tenant, name),
      schedules.lastRun(tenant, name),
    ])
    return schedule && { name, version: seq, schedule, run, chars, atMs: nowMs() }
  }

  async function viewOf(tenant: string, name: string): Promise<ScheduleView> {
    const schedule = await found(tenant, name)
    if (schedule === undefined) throw scheduleNotFound()
    return scheduleView(schedule)
  }

  /** Stores the schedule, or removes it if there is none, behind the version that the request expects. */
  async function change(
    request: FastifyRequest,
    schedule: Schedule | undefined,
  ): Promise<'made' | 'changed'> {
    const { tenant, headers } = request
    const name = nameOf(request)
    for (let tries = 0; tries < STORE_TRIES; tries += 1) {
      const before = await schedules.get(tenant, name)
      const existed = before.schedule !== undefined
      checkVersion(headers, 'schedule', existed ? before.seq : undefined)
      if (schedule === undefined && !existed) return 'changed'
      if (schedule !== undefined && !existed) await checkCount(tenant)
      const outcome = await schedules.put(tenant, name, schedule, before.seq)
      if (outcome === 'stored') return existed ? 'changed' : 'made'
    }
    throw new Refusal(
      'version-mismatch',
      'Other clients are changing the schedule now. Read the schedule, then send your change again.',
    )
  }

  async function checkCount(tenant: string): Promise<void> {
    const names = await schedules.names(tenant)
    const most = limitOf(limits, tenant).schedules ?? DEFAULT_LIMITS.schedules
    if (names.length < most) return
    const detail = `You have ${most} schedules, the most allowed. Delete a schedule first.`
    throw new Refusal('schedules-full', detail)
  }

  const counting = createTenantTurns(1)

  /**
   * Adds up the tenant's other schedules. The count reads all schedules, so one count of a tenant runs at a
   * time (L7).
   */
  const ownBytes = (tenant: string, name: string): Promise<number> =>
    counting(tenant, async () => {
      const others = (await schedules.names(tenant)).filter((each) => each !== name)
      return schedules.bytesOf(tenant, others)
    })

  /** Checks that the tenant leaves room for the schedules of other tenants. */
  async function checkShare(tenant: string, name: string, schedule: Schedule): Promise<void> {
    if (tenants() <= 1) return
    const ask = Buffer.byteLength(JSON.stringify(schedule))
    const capacity = SCHEDULES_MAX_BYTES * SCHEDULES_SHARE
    const used = await schedules.bytes()
    if (used + ask < capacity * UNCOUNTED_SHARE) return
    const own = await ownBytes(tenant, name)
    const share = decideShare({ capacity, used, own, ask, tenants: tenants() })
    if (share.kind === 'take') return
    throw new Refusal(
      'schedules-full',
      `Nothing was stored. Your schedules take ${own} bytes, and ${share.allowed} are allowed while other tenants share the store. Delete some schedules or shorten their tasks.`,
    )
  }

  return {
    async putSchedule(request: FastifyRequest, reply: FastifyReply) {
      const { tenant } = request
      const name = nameOf(request)
      const body = request.body as ScheduleRequest
      const { cron, timeZone = 'UTC', overlap = 'allow', paused = false, task } = body
      if (task.idempotencyKey !== undefined || task.dependsOn !== undefined) {
        const detail =
          'must not have idempotencyKey or dependsOn, because the schedule submits a separate task each time'
        throw wrongField('/task', detail)
      }
      requireAgent(request.principal, task)
      checkCron(cron, timeZone, nowMs())
      const by = submitterOf(request)
      const made = await specOf(tenant, task as FilledTaskRequest).catch((error: unknown) => {
        throw error instanceof Refusal ? inPart('/task', error) : error
      })
      // Checking and writing a large task each take tens of milliseconds.
      await nextTurn()
      const refusal = unapprovable(made, by)
      if (refusal !== undefined) throw inPart('/task', refusal)
      const spec = by === undefined ? made : { ...made, submittedBy: by }
      const atMs = nowMs()
      const asked = { cron, timeZone, overlap, paused, request: task as Json }
      const schedule = { ...asked, spec, atMs }
      await checkShare(tenant, name, schedule)
      await nextTurn()
      const outcome = await change(request, schedule)
      const view = await viewOf(tenant, name)
      return reply
        .code(outcome === 'made' ? 201 : 200)
        .header('etag', etagOf(view.version))
        .send(view)
    },
    async getSchedule(request: FastifyRequest, reply: FastifyReply) {
      const view = await viewOf(request.tenant, nameOf(request))
      return reply.header('etag', etagOf(view.version)).send(view)
    },
    async listSchedules(request: FastifyRequest): Promise<ScheduleList> {
      const { tenant } = request
      const { cursor, limit } = request.query as { cursor?: string; limit: number }
      const { after = '' } = positionOf(cursor, LISTING)
      const names = (await schedules.names(tenant)).filter((name) => name > after)
      const views: ScheduleView[] = []
      const pause = createSlices()
      let chars = 0
      for (const name of names) {
        if (views.length === limit || chars > PAGE_CHARS) {
          return { schedules: views, ...nextOf(LISTING, views.at(-1)?.name) }
        }
        const each = await found(tenant, name)
        // Without a schedule: it was deleted after its name was listed.
        if (each === undefined) continue
        views.push(scheduleView(each))
        chars += each.chars
        await pause()
      }
      return { schedules: views }
    },
    async deleteSchedule(request: FastifyRequest, reply: FastifyReply) {
      await change(request, undefined)
      return reply.code(204).send()
    },
  }
}

/** Refuses a name under which the tenant has no schedule. */
export function scheduleNotFound(): Refusal {
  return new Refusal(
    'schedule-not-found',
    'Check the name; GET /v1/schedules lists your schedules.',
  )
}

interface FoundSchedule {
  readonly name: string
  readonly version: number
  readonly schedule: Schedule
  readonly run: ScheduleRun | undefined
  /** The length of its stored text. */
  readonly chars: number
  readonly atMs: number
}

function scheduleView({ name, version, schedule, run, atMs }: FoundSchedule): ScheduleView {
  const { cron, timeZone, overlap, paused, request } = schedule
  const next = paused ? undefined : nextTick(cron, timeZone, atMs)
  const view: ScheduleView = {
    name,
    version,
    cron,
    timeZone,
    overlap,
    paused,
    task: request as ScheduleView['task'],
    updatedAt: isoTime(schedule.atMs),
  }
  if (next !== undefined) view.nextAt = next.toISOString()
  if (run !== undefined) {
    view.lastTickAt = isoTime(run.tickMs)
    view.lastSkipped = run.skipped
    if (run.taskId !== undefined) view.lastTaskId = run.taskId
  }
  return view
}
