import type { Schedules } from '@agentfleet/adapters'
import type { Json, Schedule, ScheduleRun, TaskSpec } from '@agentfleet/domain'
import type { FilledTaskRequest, ScheduleRequest, ScheduleView } from '@agentfleet/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { checkCron, nextTick } from './cron.ts'
import { Refusal, wrongField } from '../http/problems.ts'
import { isoTime } from '../tasks/views.ts'

/** Dependencies of the schedule routes. */
export interface ScheduleRouteDeps {
  readonly schedules: Schedules
  /** Converts a task request to its spec. */
  readonly specOf: (tenant: string, request: FilledTaskRequest) => Promise<TaskSpec>
  readonly nowMs: () => number
}

/** Bounds the work of the coordinators, each of which examines every schedule (L7). */
const SCHEDULES_PER_TENANT_MAX = 200

/** Creates the handlers of `/v1/schedules…` by operationId. */
export function scheduleRoutes({ schedules, specOf, nowMs }: ScheduleRouteDeps) {
  const nameOf = (request: FastifyRequest) => (request.params as { name: string }).name

  async function viewOf(tenant: string, name: string): Promise<ScheduleView> {
    const [schedule, run] = await Promise.all([
      schedules.get(tenant, name),
      schedules.lastRun(tenant, name),
    ])
    if (schedule === undefined) {
      throw new Refusal(
        'schedule-not-found',
        'Check the name; GET /v1/schedules lists your schedules.',
      )
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
          'must not have idempotencyKey or dependsOn: each tick submits a separate task'
        throw wrongField('/task', detail)
      }
      checkCron(cron, timeZone, nowMs())
      const before = await schedules.get(tenant, name)
      if (before === undefined) {
        const names = await schedules.names(tenant)
        if (names.length >= SCHEDULES_PER_TENANT_MAX) {
          const detail = `You have ${SCHEDULES_PER_TENANT_MAX} schedules, the most allowed. Delete one first.`
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
            // The schedule was deleted after its name was listed.
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

function scheduleView(
  name: string,
  schedule: Schedule,
  run: ScheduleRun | undefined,
  atMs: number,
): ScheduleView {
  const { cron, timeZone, overlap, paused, request } = schedule
  const next = paused ? undefined : nextTick(cron, timeZone, atMs)
  const view: ScheduleView = {
    name,
    cron,
    timeZone,
    overlap,
    paused,
    task: request as unknown as ScheduleView['task'],
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
