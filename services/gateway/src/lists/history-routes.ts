import type { TaskLog } from '@agentfleet/adapters'
import type { FilledQueryOf, HistoryEvent, TaskHistory } from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import { ownTask, type Reader } from '../tasks/reads.ts'
import { historyEvent } from '../tasks/views.ts'

/** What reads the events of a task. */
export interface HistoryRouteDeps {
  readonly reader: Pick<Reader, 'load'>
  readonly taskLog: Pick<TaskLog, 'page'>
}

type HistoryFields = FilledQueryOf<'getTaskEvents', 'after' | 'limit'>

/** Bytes of events in one answer; the event that reaches them is the last one. */
const EVENTS_PAGE_BYTES = 4 * 1024 * 1024

/** Creates the handler of `/v1/tasks/{id}/events` by operationId. */
export function historyRoutes({ reader, taskLog }: HistoryRouteDeps) {
  return {
    async getTaskEvents(request: FastifyRequest): Promise<TaskHistory> {
      const { after, limit, types, omit = [] } = request.query as HistoryFields
      const { taskId } = await ownTask(reader, request)
      const read = await taskLog.page(taskId, after, EVENTS_PAGE_BYTES)
      const wanted = read.events.filter(({ event }) => types?.includes(event.type) ?? true)
      const page = wanted.slice(0, limit).map(historyEvent)
      const events = omit.includes('output') ? page.map(withoutOutput) : page
      const cut = wanted.length > page.length
      const last = cut ? page.at(-1) : read.events.at(-1)
      if (last === undefined || (read.complete && !cut)) return { events }
      return { events, nextAfter: last.seq }
    },
  }
}

/** Leaves out the answers of calls and the result of the task, which may be large. */
function withoutOutput(event: HistoryEvent): HistoryEvent {
  const { result: _result, call, ...rest } = event
  if (call === undefined) return rest
  const { output: _output, ...shown } = call
  return { ...rest, call: shown }
}
