import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * The files that take longest, in this order, for the first run in a checkout: as long as Vitest does not know
 * how long a file takes, it begins with large files, and a small file that waits long would run alone at the end.
 */
const LONG = [
  'services/worker/test/provider/waits.full.test.ts',
  'test/e2e/scaling.full.test.ts',
  'test/chaos/two-balancers.full.test.ts',
  'test/chaos/bus-death.full.test.ts',
  'test/e2e/docs.full.test.ts',
  'test/chaos/worker-death.full.test.ts',
  'services/autoscaler/test/service.test.ts',
  'services/health-monitor/test/nodes/deaths.test.ts',
  'services/health-monitor/test/fleet/snapshot.test.ts',
  'services/health-monitor/test/nodes/withheld.test.ts',
  'services/coordinator/test/service.test.ts',
  'libs/local/test/servers.test.ts',
  'test/e2e/page.test.ts',
  'test/chaos/exact-points.test.ts',
  'services/gateway/test/bad-input.test.ts',
  'services/health-monitor/test/nodes/stalls.test.ts',
  'services/gateway/test/principals/key-limits-alone.test.ts',
  'services/gateway/test/tenants/stores.test.ts',
  'test/chaos/ack-order.test.ts',
  'services/load-balancer/test/placing/advised.test.ts',
  'services/gateway/test/principals/keys.test.ts',
  'services/gateway/test/principals/key-limits.test.ts',
  'services/coordinator/test/due/due-service.test.ts',
  'libs/adapters/test/registry/registration.test.ts',
  'services/recovery/test/service.test.ts',
]

/** Begins with the simulation, which only computes, and then with the files that take longest. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted
      .map((file) => ({ file, group: groupOf(file), weight: this.#weightOf(file) }))
      .sort((a, b) => a.group - b.group || b.weight - a.weight)
      .map(({ file }) => file)
  }

  /** A file with a higher weight begins earlier. */
  #weightOf({ moduleId, project }: TestSpecification): number {
    if (project.name === 'simulation') return Infinity
    const path = relative(this.ctx.config.root, moduleId)
    const last = this.ctx.cache.getFileTestResults(`${project.name}:${path}`)
    if (last !== undefined) return last.failed ? Number.MAX_VALUE : last.duration
    const at = LONG.indexOf(path)
    return at === -1 ? 0 : 1e9 - at
  }
}

function groupOf({ project }: TestSpecification): number {
  return project.config.sequence.groupOrder
}
