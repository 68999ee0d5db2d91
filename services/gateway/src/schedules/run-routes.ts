import type { Schedules, Store } from '@agentfleet/adapters'
import { given } from '@agentfleet/domain'
import { tickTaskId, type SchedulePreviewRequest, type ScheduleTicks } from '@agentfleet/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { requireAgent, type AskedAgent } from '../principals/allowed-agents.ts'
import { submitterOf } from '../principals/submitter.ts'
import type { Reader } from '../tasks/reads.ts'
import { idempotencyKeyOf } from '../tasks/spec.ts'
import { recordOf, type Submitter } from '../tasks/submit.ts'
import { answerWith, isoTime } from '../tasks/views.ts'
import type { CronTicks } from './cron.ts'
import { SCHEDULE_NOT_FOUND } from './routes.ts'

interface ScheduleRunDeps {
  readonly schedules: Pick<Schedules, 'get' | 'lastRun' | 'manualRuns' | 'noteManualRun'>
  readonly store: Pick<Store, 'previews'>
  readonly reader: Pick<Reader, 'load'>
  readonly submitter: Submitter
  readonly cronTicks: CronTicks
  readonly nowMs: () => number
}

/** Creates the handlers of `/v1/schedules/{name}/run`, `…/ticks` and `/v1/schedules:preview` by operationId. */
export function scheduleRunRoutes(deps: ScheduleRunDeps) {
  const { schedules, store, reader, submitter, cronTicks, nowMs } = deps
  return {
    async runSchedule(request: FastifyRequest, reply: FastifyReply) {
      const { tenant } = request
      const { name } = request.params as { name: string }
      const { schedule, chars } = await schedules.get(tenant, name)
      const key = idempotencyKeyOf(request)
      if (schedule === undefined && key === undefined) throw SCHEDULE_NOT_FOUND
      requireAgent(request.principal, (schedule?.request ?? {}) as AskedAgent)
      const by = submitterOf(request)
      const outcome = await submitter.submit({
        taskId: submitter.idFor(tenant, key),
        tenant,
        ...(schedule === undefined ? { refusal: SCHEDULE_NOT_FOUND } : { spec: schedule.spec }),
        keyed: key !== undefined,
        by,
        textBytes: chars,
        // A change of the schedule between two requests with one key must not refuse the second one.
        asked: { runOf: name },
      })
      const record = recordOf(outcome)
      const { taskId, submittedAtMs: atMs } = record
      // The task is stored: without its note only the list of runs lacks it.
      await schedules
        .noteManualRun(tenant, name, { taskId, atMs, ...given({ by }) })
        .catch((err: unknown) =>
          request.log.warn({ err, taskId }, 'The gateway could not note the run of a schedule'),
        )
      request.unchanged = outcome.kind === 'existing'
      return answerWith(reply, record)
    },
    async listScheduleTicks(request: FastifyRequest): Promise<ScheduleTicks> {
      const { tenant } = request
      const { name } = request.params as { name: string }
      const { count } = request.query as { count: number }
      const [{ schedule }, run, asked] = await Promise.all([
        schedules.get(tenant, name),
        schedules.lastRun(tenant, name),
        schedules.manualRuns(tenant, name),
      ])
      if (schedule === undefined) throw SCHEDULE_NOT_FOUND
      const { cron, timeZone, paused } = schedule
      const atMs = nowMs()
      const next = paused ? [] : await cronTicks.nextTicks(cron, timeZone, atMs, count)
      const earlier = await cronTicks.previousTicks(cron, timeZone, atMs, count)
      const ids = earlier.map((tickMs) => tickTaskId(tenant, name, tickMs))
      const read = [...ids, ...asked.map(({ taskId }) => taskId)]
      const previews = (await store.previews(read)).filter((task) => task !== undefined)
      const stored = new Map(previews.map((task) => [task.taskId, task]))
      const last = earlier.flatMap((tickMs, index): ScheduleTicks['last'] => {
        const at = isoTime(tickMs)
        const record = stored.get(ids[index] ?? '')
        if (record !== undefined) {
          return [{ at, skipped: false, taskId: record.taskId, state: record.state }]
        }
        return run?.tickMs === tickMs && run.skipped ? [{ at, skipped: true }] : []
      })
      const manual = asked.map(async ({ atMs: runAtMs, ...started }) => {
        // Redis may not have the task of the latest run yet.
        const task = stored.get(started.taskId) ?? (await reader.load(started.taskId, tenant))
        return { at: isoTime(runAtMs), ...started, ...given({ state: task?.state }) }
      })
      return { next: next.map(isoTime), last, manual: await Promise.all(manual) }
    },
    async previewSchedule(request: FastifyRequest) {
      const { cron, timeZone, count } = request.body as Required<SchedulePreviewRequest>
      cronTicks.check(cron, timeZone, nowMs())
      const ticks = await cronTicks.nextTicks(cron, timeZone, nowMs(), count)
      return { ticks: ticks.map(isoTime) }
    },
  }
}
