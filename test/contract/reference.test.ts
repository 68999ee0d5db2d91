/**
 * Makes the reference pages of metrics and Redis keys from the code that declares them, and compares them
 * with the pages in docs/reference. With `-u` it writes the pages again.
 */
import { fileURLToPath } from 'node:url'
import { SERVICES } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { REDIS_KEYS } from '../../libs/adapters/src/store/redis-keys.ts'
import { createRegistry, type ServiceContext } from '../../libs/runtime/src/index.ts'
import { readPackages } from '../architecture.ts'
import { formatted, tableOf } from './markdown.ts'

type Registry = ServiceContext['registry']
interface Metric {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly labelNames?: readonly string[]
}

/** Folders of packages that declare metrics, with the processes that write them. */
const DECLARING = [
  ['libs/adapters', 'every service'],
  ['libs/adviser', 'load-balancer, autoscaler, recovery'],
  ...SERVICES.map((name) => [`services/${name}`, name] as const),
] as const
const TYPES: Readonly<Record<string, string>> = { 0: 'counter', 1: 'gauge', 2: 'histogram' }
const COMMAND = '`npm test -- test/contract/reference.test.ts -u`'

test('the reference of the metrics lists every metric that a package declares', async () => {
  const parts = await Promise.all(
    DECLARING.map(async ([folder, writers]) => {
      const metrics = await metricsOf(folder)
      const rows = metrics.map(({ name, type, labelNames = [], help }) => [
        `\`${name}\``,
        TYPES[type] ?? type,
        labelNames.map((label) => `\`${label}\``).join(', '),
        help,
      ])
      return `## ${writers[0]?.toUpperCase()}${writers.slice(1)}\n\nDeclared in \`${folder}/src/metrics.ts\`.\n\n${tableOf(['Name', 'Type', 'Labels', 'Meaning'], rows)}`
    }),
  )
  const page = `<!-- Generated from the files metrics.ts by ${COMMAND}; change those files instead. -->

# Metrics

Every service serves its metrics at \`/metrics\` on \`HTTP_PORT\`, in the format of Prometheus. Each metric has the label
\`service\`. A metric has at most 256 sets of labels; further sets are counted under the value \`other\`. The metrics
\`process_*\` and \`nodejs_*\` of prom-client come with every service.

${parts.join('\n\n')}
`
  await expect(await formatted(page)).toMatchFileSnapshot('../../docs/reference/metrics.md')
})

test('the page about the Redis keys equals the page that is generated from their declaration', async () => {
  const rows = Object.values(REDIS_KEYS).map(({ key, type, holds, writers, ends }) => [
    `\`${key}\``,
    type,
    holds,
    writers.join(', '),
    ends,
  ])
  const page = `<!-- Generated from libs/adapters/src/store/redis-keys.ts by ${COMMAND}; change that file instead. -->

# Redis keys

If Redis loses its data, no task is lost (L8): the coordinators write the records and the usage again from the log, as far back as the log
reaches. If Redis loses its data, the counts of provider limits start at zero.

${tableOf(['Key', 'Type', 'Meaning', 'Written by', 'Ends'], rows)}
`
  await expect(await formatted(page)).toMatchFileSnapshot('../../docs/reference/redis-keys.md')
})

test('every module that declares metrics is named metrics.ts and is included in the reference', () => {
  const modules = readPackages().flatMap(({ sources }) => sources)
  const declaring = modules.filter(({ code }) => /(?<!function )\bmetricsOf\(/.test(code))
  const read = DECLARING.map(([folder]) => `${folder}/src/metrics.ts`)
  expect(declaring.map(({ path }) => path).sort()).toEqual(read.sort())
})

/** The metrics that a package registers; their values do not matter here. */
async function metricsOf(folder: string): Promise<readonly Metric[]> {
  const path = fileURLToPath(new URL(`../../${folder}/src/metrics.ts`, import.meta.url))
  const { createMetrics } = (await import(path)) as {
    createMetrics(registry: Registry, read: unknown): { observe?(read: unknown): void } | void
  }
  const registry = createRegistry('reference')
  const before = new Set(registry.getMetricsAsArray().map(({ name }) => name))
  const nothing = new Proxy({}, { get: () => () => [] })
  createMetrics(registry, nothing)?.observe?.(nothing)
  const metrics = registry.getMetricsAsArray() as unknown as readonly Metric[]
  return metrics.filter(({ name }) => !before.has(name))
}
