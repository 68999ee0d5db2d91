import { given } from '@agentfleet/domain'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { flag, takes, type Command } from '../../command.ts'
import { CommandError, EXIT, type ExitCode } from '../../exit.ts'
import { isSet, textOf } from '../../parse/values.ts'

const BOOTSTRAP = fileURLToPath(new URL('../../../../local/bootstrap.mjs', import.meta.url))

/** `agentfleet up`: the same as `npm start`. */
export const up: Command = {
  name: 'up',
  summary: 'start a whole fleet on this machine; Ctrl-C stops the fleet',
  usages: ['up [options]'],
  options: {
    workers: takes('N', 'start N worker nodes (default 2)'),
    port: takes(
      'N',
      'use the port N for the API (default: API_PORT, or 8080 if this port is free)',
    ),
    data: takes('DIR', 'keep the state of the fleet in the folder DIR (default .agentfleet/)'),
    durability: takes(
      'CLASS',
      'process: accepted tasks survive a crash of every process; power: accepted tasks also survive a power loss',
      { choices: ['process', 'power'] },
    ),
    tasks: takes('N', 'run N tasks at the start (default 6)'),
    once: flag('stop the fleet after the tasks of the start'),
  },
  notes: [
    '--json prints the addresses of the fleet when it is up, and then each task of the start.',
    'The command does the same as "npm start" and reads the same environment variables.',
  ],
  async run({ signal, json }, input): Promise<ExitCode> {
    const data = textOf(input, 'data')
    const values = given({
      workers: textOf(input, 'workers'),
      port: textOf(input, 'port'),
      // The start runs in the checkout; its caller may be in another folder.
      data: data === undefined ? undefined : resolve(data),
      durability: textOf(input, 'durability'),
      tasks: textOf(input, 'tasks'),
    })
    const args = Object.entries(values).flatMap(([name, value]) => [`--${name}`, value])
    for (const flag of ['once', 'json']) if (isSet(input, flag)) args.push(`--${flag}`)
    const child = spawn(process.execPath, [BOOTSTRAP, 'start', ...args], { stdio: 'inherit' })
    // A terminal sends Ctrl-C to both; a signal sent only to this process is passed on.
    const stop = (): void => void child.kill('SIGTERM')
    signal.addEventListener('abort', stop, { once: true })
    const [code] = (await once(child, 'exit')) as [number | null]
    signal.removeEventListener('abort', stop)
    if (code === 0) return EXIT.done
    const exitCode = signal.aborted
      ? EXIT.interrupted
      : code === EXIT.usage
        ? EXIT.usage
        : EXIT.failed
    // With --json the last line of the standard error is JSON; without it the fleet has said everything.
    if (!json) return exitCode
    throw new CommandError('The fleet ended with an error. The lines above describe it.', exitCode)
  },
}
