import { decideTrim } from '@agentfleet/domain'
import { compactLog } from './compaction.ts'
import type { PartDeps } from '../deps.ts'

/**
 * Trims LOG (L7): one purge by sequence removes everything before the oldest event that an unfinished task or a
 * kept ended task still needs; a compaction removes what has expired behind it (`EndedTasks`).
 * Invariant: no event of an unfinished task leaves the log, and no event whose result an unfinished task reads.
 */
export function createTrimmer(
  deps: Pick<PartDeps, 'bus' | 'taskLog' | 'store' | 'tasks' | 'endedTasks' | 'log'>,
) {
  const { endedTasks } = deps
  // The state of the last compaction; a coordinator that restarts forgets it and makes one more.
  let kept = 0

  return {
    async trim(): Promise<void> {
      const expiredSeq = endedTasks.expiredSeq()
      if (expiredSeq === undefined) return
      const keepFrom = Math.min(
        expiredSeq + 1,
        endedTasks.neededFrom(),
        deps.tasks.neededFrom() ?? Infinity,
      )
      const { firstSeq, lastSeq, messages, bytes, maxBytes } = await deps.taskLog.fill()
      const fill = maxBytes > 0 ? bytes / maxBytes : 0
      const state = { firstSeq, lastSeq, messages, fill, expiredSeq, keepFrom, kept }
      const decision = decideTrim(state)
      if (decision.kind === 'purge') {
        const confirmed = await deps.taskLog.purgeBefore(keepFrom)
        deps.log.info(
          { keepFrom, firstSeq, confirmed },
          'The coordinator removed expired events from the log (trim)',
        )
      }
      if (decision.kind === 'compact') {
        const report = await compactLog(deps, decision)
        kept = report.kept
        deps.log.info(
          { ...decision, ...report },
          'The coordinator removed expired events from the middle of the log (compaction)',
        )
      }
      // Entries whose records still exist stay.
      await deps.store.forgetExpired((tenant) => ({
        endedUntilMs: endedTasks.expiredMsOf(tenant),
        early: endedTasks.expiredEarly(tenant),
      }))
    },
  }
}
