import { takes, type Command } from '../../command.ts'
import { playDemo } from '../../demo/play.ts'
import { demoReport, isKept } from '../../demo/report.ts'
import { CommandError, EXIT, type ExitCode } from '../../exit.ts'
import { wholeOf } from '../../parse/values.ts'
import { printOne } from '../../watching.ts'

const TASKS_DEFAULT = 2_000
const TASKS_MAX = 1_000_000
const KILLS_DEFAULT = 1
const KILLS_MAX = 100

/** `agentfleet demo`: load, killed nodes and measured figures. */
export const demo: Command = {
  name: 'demo',
  summary:
    'run many tasks on the local fleet, kill nodes at the same time, and measure what happens',
  usages: ['demo [--tasks N] [--kill-nodes N]'],
  options: {
    tasks: takes('N', `run N tasks (default ${TASKS_DEFAULT})`),
    'kill-nodes': takes('N', `kill N worker nodes, one after the other (default ${KILLS_DEFAULT})`),
  },
  notes: [
    'The demo uses the fleet of "npm start" in this checkout, with simulated LLM calls.',
    'The demo kills only processes that the fleet.json of this fleet names.',
    'The log shows the latency, the failover, and lost or doubled tasks.',
    'The counters of the simulator show calls that were paid twice.',
    'The command ends with exit code 7 if a task was lost or ended twice, or if the simulator did not count a call of the log.',
  ],
  async run(context, input): Promise<ExitCode> {
    const tasks = wholeOf(input, 'tasks', { min: 1, max: TASKS_MAX }) ?? TASKS_DEFAULT
    const kills = wholeOf(input, 'kill-nodes', { min: 0, max: KILLS_MAX }) ?? KILLS_DEFAULT
    const fleet = await context.localFleet()
    if (fleet === undefined) {
      throw new CommandError(
        'No fleet of this checkout runs. Start a fleet with "npm start" first.',
      )
    }
    if (new URL(fleet.url).host !== new URL(context.url).host) {
      throw new CommandError(
        `The demo runs on the fleet of this checkout (${fleet.url}), not on ${context.url}. Run the demo without AGENTFLEET_URL and --url.`,
      )
    }
    if (fleet.simulators.length === 0) {
      throw new CommandError(
        'This fleet calls a real provider, so the demo would cost money. Start a fleet without OPENAI_API_KEY and PROVIDERS.',
      )
    }
    const figures = await playDemo(context, fleet, { tasks, kills })
    printOne(context, figures, () => demoReport(figures, context))
    if (figures.kills.length < kills) {
      context.note(
        `The demo killed only ${figures.kills.length} of ${kills} nodes, because it kills a node only while two nodes are alive.`,
      )
    }
    return isKept(figures) ? EXIT.done : EXIT.checkFailed
  },
}
