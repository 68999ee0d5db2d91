import { createClient } from '@agentfleet/client'
import type { TaskRequest } from '@agentfleet/protocol'
import type { Accepted } from '../invariants.ts'

/** Tasks of one request: the API's limit is 1,000. */
const BATCH = 500
/** Requests at once, so that the gateway is busy and its clients are not. */
const REQUESTS_AT_ONCE = 4

/** Submits this many tasks in batches; throws when one of them is refused. */
export async function submitAll(
  url: string,
  count: number,
  task: (n: number) => TaskRequest,
): Promise<Accepted[]> {
  const client = createClient({ baseUrl: url })
  const accepted: Accepted[] = []
  let next = 0
  const submitter = async (): Promise<void> => {
    while (next < count) {
      const first = next
      next = Math.min(count, next + BATCH)
      const tasks = Array.from({ length: next - first }, (_, i) => task(first + i))
      const results = await client.submitBatch(tasks)
      for (const { taskId, status, problem } of results) {
        if (taskId === undefined || status >= 300) {
          throw new Error(`a task was answered ${status}: ${problem?.detail ?? ''}`)
        }
        accepted.push({ taskId })
      }
    }
  }
  await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, submitter))
  return accepted
}
