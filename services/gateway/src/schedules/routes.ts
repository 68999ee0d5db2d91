import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  given,
  type Json,
  type Schedule,
  type ScheduleRun,
  type TaskSpec,
} from '@agentfleet/domain'
import type {
  FilledTaskRequest,
  ScheduleList,
  ScheduleRequest,
  ScheduleView,
} from '@agentfleet/protocol'
import { createSlices } from '@agentfleet/runtime'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { createScheduleChanges, type ScheduleChangeDeps } from './changes.ts'
import type { CronTicks } from './cron.ts'
import { requireAgent } from '../principals/allowed-agents.ts'
import { submitterOf, unapprovable } from '../principals/submitter.ts'
import { inPart, Refusal, wrongField } from '../http/problems.ts'
import { etagOf } from '../agents/versions.ts'
import { nextOf, positionOf } from '../lists/cursor.ts'
import { afterChange } from '../tasks/reads.ts'
import { isoTime } from '../tasks/views.ts'

interface ScheduleRouteDeps extends ScheduleChangeDeps {
  /** Converts a task request to its spec. */
  readonly specOf: (tenant: string, request: FilledTaskRequest) => Promise<TaskSpec>
  readonly cronTicks: CronTicks
  readonly nowMs: () => number
}

/** The name of the list in its cursors. */
const LISTING = 'schedules'
/** Characters of stored tasks in one page of the list; the schedule that exceeds them is the last one. */
const PAGE_CHARS = 1024 * 1024

/** Refuses a name under which the tenant has no schedule. */
export const SCHEDULE_NOT_FOUND = new Refusal(
  'schedule-not-found',
  'Check the name; GET /v1/schedules lists your schedules.',
)

/** Creates the handlers of `/v1/schedules…` by operationId. */
export function scheduleRoutes(deps: ScheduleRouteDeps) {
  const { schedules, cronTicks, nowMs } = deps
  const nameOf = (request: FastifyRequest) => (request.params as { name: string }).name

  /** Returns the view of a stored schedule, and the length of its stored text. */
  async function found(tenant: string, name: string) {
    const [{ schedule, seq, chars }, run] = await Promise.all([
      schedules.get(tenant, name),
      schedules.lastRun(tenant, name),
    ])
    if (schedule === undefined) return undefined
    const { cron, timeZone, paused } = schedule
    const nextMs = paused ? undefined : cronTicks.next(cron, timeZone, nowMs())
    return { view: scheduleView({ name, version: seq }, schedule, run, nextMs), chars }
  }

  async function viewOf(tenant: string, name: string): Promise<ScheduleView> {
    const schedule = await found(tenant, name)
    if (schedule === undefined) throw SCHEDULE_NOT_FOUND
    return schedule.view
  }

  const { change, checkShare } = createScheduleChanges(deps)

  return {
    async putSchedule(request: FastifyRequest, reply: FastifyReply) {
      const { tenant } = request
      const name = nameOf(request)
      const schedule = await scheduleOf(deps, request)
      await checkShare(tenant, name, schedule)
      await nextTurn()
      const outcome = await change(request, name, schedule)
      const view = await afterChange(viewOf(tenant, name))
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
        views.push(each.view)
        chars += each.chars
        await pause()
      }
      return { schedules: views }
    },
    async deleteSchedule(request: FastifyRequest, reply: FastifyReply) {
      await change(request, nameOf(request), undefined)
      return reply.code(204).send()
    },
  }
}

/** Checks the schedule of a request, and fills its task in. */
async function scheduleOf(
  { specOf, cronTicks, nowMs }: ScheduleRouteDeps,
  request: FastifyRequest,
): Promise<Schedule> {
  const { cron, timeZone, overlap, paused, task } = request.body as Required<ScheduleRequest>
  if (task.idempotencyKey !== undefined || task.dependsOn !== undefined) {
    const detail =
      'must not have idempotencyKey or dependsOn, because the schedule submits a separate task each time'
    throw wrongField('/task', detail)
  }
  requireAgent(request.principal, task)
  cronTicks.check(cron, timeZone, nowMs())
  const by = submitterOf(request)
  const made = await specOf(request.tenant, task as FilledTaskRequest).catch((error: unknown) => {
    throw error instanceof Refusal ? inPart('/task', error) : error
  })
  // Checking and writing a large task each take tens of milliseconds.
  await nextTurn()
  const refusal = unapprovable(made, by)
  if (refusal !== undefined) throw inPart('/task', refusal)
  const spec = by === undefined ? made : { ...made, submittedBy: by }
  return { cron, timeZone, overlap, paused, request: task as Json, spec, atMs: nowMs() }
}

function scheduleView(
  id: Pick<ScheduleView, 'name' | 'version'>,
  { cron, timeZone, overlap, paused, request, atMs }: Schedule,
  run: ScheduleRun | undefined,
  nextMs: number | undefined,
): ScheduleView {
  return {
    ...id,
    cron,
    timeZone,
    overlap,
    paused,
    task: request as ScheduleView['task'],
    updatedAt: isoTime(atMs),
    ...(nextMs === undefined ? {} : { nextAt: isoTime(nextMs) }),
    ...(run && { lastTickAt: isoTime(run.tickMs), lastSkipped: run.skipped }),
    ...given({ lastTaskId: run?.taskId }),
  }
}
