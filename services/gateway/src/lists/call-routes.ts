import type { TaskCall } from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import { Refusal } from '../http/problems.ts'
import { ownTask } from '../tasks/reads.ts'
import { searchCall } from './call-detail.ts'
import type { HistoryRouteDeps } from './history-routes.ts'

/** Bytes of events that the search holds at a time. */
const PAGE_BYTES = 4 * 1024 * 1024

/** Creates the handler of `/v1/tasks/{id}/calls/{step}` by operationId. */
export function callRoutes({ reader, taskLog }: HistoryRouteDeps) {
  return {
    async getTaskCall(request: FastifyRequest): Promise<TaskCall> {
      const { step } = request.params as { step: number }
      const { textBytes } = request.query as { textBytes: number }
      const { taskId } = await ownTask(reader, request)
      const search = searchCall(taskId, step, textBytes)
      for (let after = 0; ;) {
        const { events, complete } = await taskLog.page(taskId, after, PAGE_BYTES)
        for (const stored of events) {
          const call = search.add(stored)
          if (call !== undefined) return call
        }
        const last = events.at(-1)
        if (complete || last === undefined) throw callNotFound(step)
        after = last.seq
      }
    },
  }
}

function callNotFound(step: number): Refusal {
  return new Refusal(
    'call-not-found',
    `The log has no finished call with the step ${step} of this task. GET /v1/tasks/{id}/events lists the finished calls with their steps.`,
  )
}
