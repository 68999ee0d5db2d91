/** `npm run prove -- simulate`: the policies of the control plane in virtual time, compared with others. */
import { writeFile } from 'node:fs/promises'
import { simulateBalancing, simulateBalancingSeeds } from './simulate/balancing/balancing.ts'
import { SMOKE_SCENARIOS } from './simulate/balancing/scenarios.ts'
import { simulateGrid } from './simulate/scaling/grid.ts'
import { readSimulateOptions, USAGE, type SimulateOptions } from './simulate/options.ts'
import { drawChart } from './simulate/scaling/plot.ts'
import { describeScaling, simulateScaling, type ScalingReport } from './simulate/scaling/scaling.ts'
import { readAnyTrace, type Trace } from './simulate/traffic.ts'
import { runCommand, say } from './command/flags.ts'

async function main(options: SimulateOptions): Promise<void> {
  const scaling = options.parts.has('scaling')
  // A wrong trace is named before the first part runs for minutes.
  const trace = scaling ? await readAnyTrace(options.traceFile) : undefined
  if (options.parts.has('balancing')) {
    const { seed, seeds, smoke } = options
    const balancing = { seed, say, ...(smoke ? { scenarios: SMOKE_SCENARIOS } : {}) }
    if (seeds > 1) await simulateBalancingSeeds({ ...balancing, seeds })
    else await simulateBalancing(balancing)
  }
  if (options.parts.has('balancing') && scaling) say('')
  if (trace !== undefined) await scale({ ...options, trace })
}

async function scale(options: SimulateOptions & { readonly trace: Trace }): Promise<void> {
  if (options.grid) {
    await simulateGrid(options)
    return
  }
  const report = simulateScaling(options)
  say(describeScaling(options, report))
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

await runCommand(USAGE, readSimulateOptions, main)
