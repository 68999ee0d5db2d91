/** `npm run prove -- simulate`: the policies of the control plane in virtual time, compared with others. */
import { writeFile } from 'node:fs/promises'
import { simulateBalancing, simulateBalancingSeeds } from './simulate/balancing/balancing.ts'
import { SMOKE_SCENARIOS } from './simulate/balancing/scenarios.ts'
import { simulateGrid } from './simulate/scaling/grid.ts'
import { readSimulateOptions, USAGE, type SimulateOptions } from './simulate/options.ts'
import { drawChart } from './simulate/scaling/plot.ts'
import { describeScaling, simulateScaling, type ScalingReport } from './simulate/scaling/scaling.ts'
import { readAnyTrace } from './simulate/traffic.ts'
import { say } from './command/flags.ts'

async function main(): Promise<void> {
  const options = readSimulateOptions(process.argv.slice(2))
  if (options === 'help') {
    say(USAGE)
    return
  }
  if (options.parts.has('balancing')) {
    const { seed, seeds, smoke } = options
    const balancing = { seed, say, ...(smoke ? { scenarios: SMOKE_SCENARIOS } : {}) }
    if (seeds > 1) await simulateBalancingSeeds({ ...balancing, seeds })
    else await simulateBalancing(balancing)
  }
  if (options.parts.has('balancing') && options.parts.has('scaling')) say('')
  if (options.parts.has('scaling')) await scale(options)
}

async function scale(options: SimulateOptions): Promise<void> {
  const scaling = { ...options, trace: await readAnyTrace(options.traceFile) }
  if (options.grid) {
    await simulateGrid(scaling)
    return
  }
  const report = simulateScaling(scaling)
  say(describeScaling(scaling, report))
  if (options.plotFile === undefined) return
  await writeFile(options.plotFile, plotOf(report))
  say(`the node counts are drawn in ${options.plotFile}`)
}

function plotOf({ outcomes }: ScalingReport): string {
  const [first] = outcomes
  return drawChart({
    title: 'Nodes that exist, by policy',
    unit: 'nodes',
    stepS: first?.stretchS ?? 1,
    lines: outcomes.map(({ name, nodes }) => ({
      name,
      values: nodes,
      strong: name === 'AgentFleet',
    })),
  })
}

await main()
