import type { Store, UsageTotals } from '../../../../libs/adapters/src/index.ts'
import { previewOf, type TaskRecord } from '@agentfleet/domain'

/** The contents of Redis, in memory: the projection, the in-flight notes, the totals. */
export interface MemoryStore {
  readonly records: Map<string, TaskRecord>
  /** The store as one process sees it. */
  open(): Store
  usage(): UsageTotals
  /** Empties the store. */
  wipe(): void
}

type Note = { readonly taskId: string; readonly nodeId: string; readonly ackSubject: string }

/** Creates an empty store. */
export function createMemoryStore(): MemoryStore {
  const records = new Map<string, TaskRecord>()
  const notes = new Map<string, Note>()
  let builtSeq: number | undefined
  let counted = 0
  return {
    records,
    wipe() {
      records.clear()
      notes.clear()
      builtSeq = undefined
      counted = 0
    },
    open: () => ({
      async project(all) {
        for (const record of all) {
          const known = records.get(record.taskId)
          if (known === undefined || known.seq < record.seq) records.set(record.taskId, record)
          if (['completed', 'failed', 'cancelled'].includes(record.state)) {
            notes.delete(record.taskId)
          }
        }
      },
      load: async (taskId) => records.get(taskId),
      previews: async (taskIds) =>
        taskIds.map((taskId) => {
          const record = records.get(taskId)
          return record && previewOf(record)
        }),
      search: async () => ({ found: [], scanned: 0 }),
      count: async () => ({ groups: [], exact: true, scanned: 0 }),
      oldestQueued: async () => undefined,
      async noteInflight(entries) {
        for (const entry of entries) notes.set(entry.taskId, entry)
      },
      async dropStranded(entries) {
        for (const { taskId, nodeId, ackSubject } of entries) {
          const note = notes.get(taskId)
          if (note?.nodeId === nodeId && note.ackSubject === ackSubject) notes.delete(taskId)
        }
      },
      inflightNode: async (taskIds) => taskIds.map((taskId) => notes.get(taskId)?.nodeId),
      inflightOf: async (nodeId) => [...notes.values()].filter((note) => note.nodeId === nodeId),
      builtSeq: async () => builtSeq,
      async markBuilt(seq, since) {
        const at = builtSeq ?? -1
        if (at >= since && at < seq) builtSeq = seq
        return builtSeq
      },
      forgetExpired: async () => undefined,
      forget: async () => undefined,
      fill: async () => ({ bytes: 0, maxBytes: 0 }),
      connected: () => true,
      close: async () => undefined,
    }),
    usage: () => ({
      position: async () => counted,
      async add(from, to) {
        if (from === counted) counted = to
        return counted
      },
      followed: async () => undefined,
      read: async () => [],
      readGroups: async () => [],
      setAside: () => Promise.resolve({ tokens: 0, costUsd: 0 }),
      connected: () => true,
      close: async () => undefined,
    }),
  }
}
