import type { TaskSpec } from '@agentfleet/domain'
import { inParallel } from '@agentfleet/runtime'
import { Refusal, shown } from '../http/problems.ts'
import type { Reader } from './reads.ts'

/** Parallel lookups for one submission. */
const PARALLEL = 20

/**
 * Checks that every dependency exists and belongs to the tenant. Returns the oldest log sequence of a result; the
 * log has to keep all events from this sequence on. Throws a Refusal that names the missing tasks. A submission
 * that is already stored is not checked again, because its dependencies may have been trimmed since.
 */
export async function neededFrom(
  reader: Pick<Reader, 'load'>,
  submission: {
    readonly taskId: string
    readonly tenant: string
    readonly spec: Pick<TaskSpec, 'dependsOn'>
    readonly keyed: boolean
    readonly needed?: Map<string, number>
  },
): Promise<number | undefined> {
  const { taskId, tenant, keyed, needed = new Map<string, number>() } = submission
  const { dependsOn = [] } = submission.spec
  if (dependsOn.length === 0) return undefined
  const unknown = dependsOn.filter((id) => !needed.has(id))
  await inParallel(unknown, PARALLEL, async (id) => {
    const record = await reader.load(id, tenant)
    if (record?.tenant === tenant) needed.set(id, record.seq)
  })
  const missing = unknown.filter((id) => !needed.has(id))
  if (missing.length === 0) return Math.min(...dependsOn.map((id) => needed.get(id) ?? Infinity))
  if (keyed && (await reader.load(taskId, tenant)) !== undefined) return undefined
  throw new Refusal(
    'unknown-dependency',
    `Correct dependsOn: these tasks do not exist: ${shown(missing)}.`,
    missing.map((id) => ({ pointer: '/dependsOn', detail: `${id} does not exist` })),
  )
}
