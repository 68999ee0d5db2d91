import type { BatchResult, FilledTaskRequest } from '@agentfleet/protocol'
import { Refusal, wrongField } from '../http/problems.ts'

/** The form in which a task names an earlier task of its batch: `#0` is the first. */
const REFERENCE = /^#(\d+)$/

/**
 * Replaces references to earlier tasks of the batch by their ids, once those tasks are stored. A
 * task can refer only to earlier tasks, so no two tasks wait for each other. Throws a Refusal.
 */
export async function withIds(
  request: FilledTaskRequest,
  position: number,
  results: readonly Promise<BatchResult>[],
): Promise<FilledTaskRequest> {
  const { dependsOn = [] } = request
  if (!dependsOn.some((id) => REFERENCE.test(id))) return request
  const ids = dependsOn.map(async (id) => {
    const match = REFERENCE.exec(id)
    if (match === null) return id
    const named = Number(match[1])
    return idOf(id, named < position ? results[named] : undefined)
  })
  return { ...request, dependsOn: [...new Set(await Promise.all(ids))] }
}

async function idOf(reference: string, result: Promise<BatchResult> | undefined): Promise<string> {
  if (result === undefined) {
    throw wrongField('/dependsOn', `${reference} must name an earlier task of the batch`)
  }
  const { taskId, problem } = await result
  if (taskId !== undefined && problem === undefined) return taskId
  const detail = `${reference} was not accepted`
  throw new Refusal(
    'unknown-dependency',
    `This task depends on ${reference}, which was not accepted. Send both tasks again.`,
    [{ pointer: '/dependsOn', detail }],
  )
}
