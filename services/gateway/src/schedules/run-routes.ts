import type { Schedules } from '@agentfleet/adapters'
import { isTerminal } from '@agentfleet/domain'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from '../http/problems.ts'
import { requireAgent, type AskedAgent } from '../principals/allowed-agents.ts'
import { submitterOf } from '../principals/submitter.ts'
import type { Submitter } from '../tasks/submit.ts'
import { isoTime, taskView } from '../tasks/views.ts'
import { checkCron, nextTicks } from './cron.ts'

/** Dependencies of the routes that run and preview schedules. */
export interface ScheduleRunDeps {
  readonly schedules: Pick<Schedules, 'get'>
  readonly submitter: Submitter
  readonly nowMs: () => number
}

interface PreviewFields {
  readonly cron: string
  readonly timeZone: string
  readonly count: number
}

/** Creates the handlers of `/v1/schedules/{name}/run` and `/v1/schedules:preview` by operationId. */
export function scheduleRunRoutes({ schedules, submitter, nowMs }: ScheduleRunDeps) {
  return {
    async runSchedule(request: FastifyRequest, reply: FastifyReply) {
      const { tenant, headers } = request
      const { name } = request.params as { name: string }
      const schedule = await schedules.get(tenant, name)
      if (schedule === undefined) {
        throw new Refusal(
          'schedule-not-found',
          'Check the name; GET /v1/schedules lists your schedules.',
        )
      }
      requireAgent(request.principal, schedule.request as AskedAgent)
      const key = headers['idempotency-key'] as string | undefined
      const outcome = await submitter.submit({
        taskId: submitter.idFor(tenant, key),
        tenant,
        spec: schedule.spec,
        keyed: key !== undefined,
        by: submitterOf(request),
        // A change of the schedule between two requests with one key must not refuse the second one.
        asked: { runOf: name },
      })
      if (outcome.kind === 'refused') throw outcome.refusal
      const view = taskView(outcome.record)
      if (isTerminal(outcome.record.state)) return reply.code(200).send(view)
      return reply.code(202).header('location', `/v1/tasks/${view.id}`).send(view)
    },
    previewSchedule(request: FastifyRequest) {
      const { cron, timeZone, count } = request.body as PreviewFields
      checkCron(cron, timeZone, nowMs())
      const ticks = nextTicks(cron, timeZone, nowMs(), count)
      return Promise.resolve({ ticks: ticks.map((tick) => isoTime(tick.getTime())) })
    },
  }
}
