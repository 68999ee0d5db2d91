/** Tasks and the bytes of their submissions; they change with the next submission. */
interface Sums {
  tasks: number
  bytes: number
}

/** With fewer, tenants get their places back later after a coordinator has stood still. */
const STAGES_MAX = 16

const NOTHING: Readonly<Sums> = { tasks: 0, bytes: 0 }

/**
 * Counts what this gateway has admitted and no announcement of a coordinator covers: the submissions under way, and the
 * stored tasks whose places in the log no coordinator has counted.
 *
 * Stored tasks are added up in stages, from one announcement to the next. Invariants:
 * - a stored task counts until an announcement covers its place in the log, and with it all tasks of its stage;
 * - there are at most STAGES_MAX stages, however long no coordinator reads on (L7): the two neighbours with the fewest
 *   tasks become one, so such a stage holds at most 2 / (STAGES_MAX - 1) of all stored tasks;
 * - the sums are known without a look at the stages, because each submission asks for them.
 */
export function createUncovered() {
  const underWay = createSums()
  const all = createSums()
  let stages = [createStage()]
  let coveredSeq = 0

  return {
    /** Counts a submission that begins. */
    enter(tenant: string, bytes: number): void {
      underWay.add(tenant, 1, bytes)
      all.add(tenant, 1, bytes)
    },
    /** Ends a submission; `seq`: where the log has stored its task, undefined: nowhere. */
    leave(tenant: string, bytes: number, seq: number | undefined): void {
      underWay.add(tenant, -1, -bytes)
      if (seq === undefined || seq <= coveredSeq) return all.add(tenant, -1, -bytes)
      const newest = stages.at(-1)!
      newest.seq = Math.max(newest.seq, seq)
      newest.sums.add(tenant, 1, bytes)
    },
    /** Takes out what the log holds up to this sequence; later tasks begin a new stage. */
    cover(seq: number): void {
      coveredSeq = seq
      const kept: Stage[] = []
      for (const stage of stages) {
        if (stage.seq > seq) kept.push(stage)
        else
          for (const [tenant, sums] of stage.sums.each()) all.add(tenant, -sums.tasks, -sums.bytes)
      }
      kept.push(createStage())
      if (kept.length > STAGES_MAX) mergeSmallest(kept)
      stages = kept
    },
    /** The submissions of a tenant that are under way. */
    underWay: underWay.of,
    underWayOfAll: underWay.total,
    /** The submissions under way and the stored tasks of a tenant. */
    sums: all.of,
    sumsOfAll: all.total,
    /** The number of stages. */
    stages: () => stages.length,
  }
}

/** What the log has stored between two announcements. */
interface Stage {
  /** Where the log has stored the last of them. */
  seq: number
  readonly sums: ReturnType<typeof createSums>
}

function createStage(): Stage {
  return { seq: 0, sums: createSums() }
}

/** Makes one stage of the two neighbours that have the fewest tasks together. */
function mergeSmallest(stages: Stage[]): void {
  const tasksAt = (at: number): number => stages[at]!.sums.total().tasks
  let least = 0
  for (let at = 1; at < stages.length - 1; at += 1) {
    if (tasksAt(at) + tasksAt(at + 1) < tasksAt(least) + tasksAt(least + 1)) least = at
  }
  const [first, second] = [stages[least]!, stages[least + 1]!]
  first.seq = Math.max(first.seq, second.seq)
  for (const [tenant, { tasks, bytes }] of second.sums.each()) first.sums.add(tenant, tasks, bytes)
  stages.splice(least + 1, 1)
}

/** Creates sums by tenant, and of all tenants; a tenant without tasks takes no place. */
function createSums() {
  const tenants = new Map<string, Sums>()
  const total: Sums = { tasks: 0, bytes: 0 }
  return {
    of: (tenant: string): Readonly<Sums> => tenants.get(tenant) ?? NOTHING,
    total: (): Readonly<Sums> => total,
    each: (): Iterable<[string, Readonly<Sums>]> => tenants,
    add(tenant: string, tasks: number, bytes: number): void {
      total.tasks += tasks
      total.bytes += bytes
      const sums = tenants.get(tenant)
      if (sums === undefined) return void tenants.set(tenant, { tasks, bytes })
      sums.tasks += tasks
      sums.bytes += bytes
      if (sums.tasks === 0) tenants.delete(tenant)
    },
  }
}
