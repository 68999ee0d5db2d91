import type { Bus } from '@agentfleet/adapters'
import { isTerminal } from '@agentfleet/domain'
import { CHANNELS, type TaskText } from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import { ownTask, type Reader } from '../tasks/reads.ts'

/** The node that runs the task answers within this, milliseconds. */
const ANSWER_WITHIN_MS = 300
const NOTHING: TaskText = { offset: 0, text: '' }

/** Creates the handler of `/v1/tasks/{id}/text` by operationId. */
export function textRoutes({ bus, reader }: { bus: Pick<Bus, 'gather'>; reader: Reader }) {
  return {
    async getTaskText(request: FastifyRequest): Promise<TaskText> {
      const { taskId, state, attempt: known } = await ownTask(reader, request)
      if (isTerminal(state)) return NOTHING
      const answers = await bus.gather(CHANNELS.textSoFar, { taskId }, ANSWER_WITHIN_MS)
      // A node that was declared dead may still run an older attempt.
      const newest = answers.toSorted((a, b) => b.attempt - a.attempt || b.seq - a.seq)[0]
      if (newest === undefined || newest.attempt < known) return NOTHING
      const { attempt, node, seq, offset, text } = newest
      return { attempt, node, seq, offset, text }
    },
  }
}
