import type { Schedules } from '@agentfleet/adapters'
import type { Json, Schedule, ScheduleRun, TaskSpec } from '@agentfleet/domain'
import type { FilledTaskRequest, ScheduleRequest, ScheduleView } from '@agentfleet/protocol'
import { Cron } from 'croner'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refusal, wrongField } from '../http/problems.ts'
import { isoTime } from '../tasks/views.ts'

/** What the schedule routes are served from. */
export interface ScheduleRouteDeps {
  readonly schedules: Schedules
  /** The spec of a task as it was asked for. */
  readonly specOf: (tenant: string, request: FilledTaskRequest) => Promise<TaskSpec>
  readonly nowMs: () => number
}

/** Each is looked at by every coordinator (L7). */
const SCHEDULES_PER_TENANT_MAX = 200
/** Below this a schedule would rather be a loop, milliseconds. */
const PERIOD_MIN_MS = 1_000

/** The handlers of `/v1/schedules…`, by operationId. */
export function scheduleRoutes({ schedules, specOf, nowMs }: ScheduleRouteDeps) {
  const nameOf = (request: FastifyRequest) => (request.params as { name: string }).name

  async function viewOf(tenant: string, name: string): Promise<ScheduleView> {
    const [schedule, run] = await Promise.all([
      schedules.get(tenant, name),
      schedules.lastRun(tenant, name),
    ])
    if (schedule === undefined) {
      throw new Refusal('schedule-not-found', 'Check the name; GET /v1/schedules lists yours.')
    }
    return scheduleView(name, schedule, run, nowMs())
  }

  return {
    async putSchedule(request: FastifyRequest, reply: FastifyReply) {
      const { tenant } = request
      const name = nameOf(request)
      const body = request.body as ScheduleRequest
      const { cron, timeZone = 'UTC', overlap = 'allow', paused = false, task } = body
      if (task.idempotencyKey !== undefined || task.dependsOn !== undefined) {
        const detail =
          'may have neither idempotencyKey nor dependsOn: each tick is a task of its own'
        throw wrongField('/task', detail)
      }
      checkCron(cron, timeZone, nowMs())
      const before = await schedules.get(tenant, name)
      if (before === undefined) {
        const names = await schedules.names(tenant)
        if (names.length >= SCHEDULES_PER_TENANT_MAX) {
          const detail = `There are ${SCHEDULES_PER_TENANT_MAX} schedules; delete one of them first.`
          throw new Refusal('schedules-full', detail)
        }
      }
      const spec = await specOf(tenant, task as FilledTaskRequest)
      const atMs = nowMs()
      await schedules.put(tenant, name, {
        cron,
        timeZone,
        overlap,
        paused,
        spec,
        request: task as Json,
        atMs,
      })
      return reply.code(before === undefined ? 201 : 200).send(await viewOf(tenant, name))
    },
    getSchedule: (request: FastifyRequest) => viewOf(request.tenant, nameOf(request)),
    async listSchedules(request: FastifyRequest) {
      const { tenant } = request
      const names = await schedules.names(tenant)
      const views = await Promise.all(
        names.map((name) =>
          viewOf(tenant, name).catch((error: unknown) => {
            // Removed a moment ago.
            if (error instanceof Refusal) return undefined
            throw error
          }),
        ),
      )
      return { schedules: views.filter((view) => view !== undefined) }
    },
    async deleteSchedule(request: FastifyRequest, reply: FastifyReply) {
      const { tenant } = request
      const name = nameOf(request)
      if ((await schedules.get(tenant, name)) !== undefined) {
        await schedules.put(tenant, name, undefined)
      }
      return reply.code(204).send()
    },
  }
}

function cronOf(cron: string, timeZone: string): Cron {
  return new Cron(cron, { timezone: timeZone, paused: true })
}

function checkCron(cron: string, timeZone: string, atMs: number): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
  } catch {
    throw wrongField('/timeZone', `is no IANA time zone such as Europe/Berlin`)
  }
  let ticks: Date[]
  try {
    ticks = cronOf(cron, timeZone).nextRuns(2, new Date(atMs))
  } catch (error) {
    throw wrongField(
      '/cron',
      `is no cron expression: ${error instanceof Error ? error.message : ''}`,
    )
  }
  const [first, second] = ticks
  if (first === undefined) throw wrongField('/cron', 'never comes')
  if (second !== undefined && second.getTime() - first.getTime() < PERIOD_MIN_MS) {
    throw wrongField('/cron', 'comes more than once a second')
  }
}

function scheduleView(
  name: string,
  schedule: Schedule,
  run: ScheduleRun | undefined,
  atMs: number,
): ScheduleView {
  const { cron, timeZone, overlap, paused, request } = schedule
  const next = paused ? null : cronOf(cron, timeZone).nextRun(new Date(atMs))
  const view: ScheduleView = {
    name,
    cron,
    timeZone,
    overlap,
    paused,
    task: request as unknown as ScheduleView['task'],
    updatedAt: isoTime(schedule.atMs),
  }
  if (next !== null) view.nextAt = next.toISOString()
  if (run !== undefined) {
    view.lastTickAt = isoTime(run.tickMs)
    view.lastSkipped = run.skipped
    if (run.taskId !== undefined) view.lastTaskId = run.taskId
  }
  return view
}
