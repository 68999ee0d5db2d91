import { ClientError } from '@agentfleet/client'
import type { Command, Context } from '../../command.ts'
import {
  checkClock,
  checkFleet,
  checkMachine,
  checkNode,
  checkTable,
  checkVersion,
  type Check,
} from '../../doctor/checks.ts'
import { askGateway, checkProcesses, observeMachine } from '../../doctor/observe.ts'
import { EXIT, explain, type ExitCode } from '../../exit.ts'
import { printAll } from '../../watching.ts'

/** `agentfleet doctor`: finds out why something does not work. */
export const doctor: Command = {
  name: 'doctor',
  summary: 'check the versions, the processes, the servers, the clock, the limits and the key',
  usages: ['doctor'],
  notes: [
    'The command ends with exit code 7 if it finds a problem; warnings do not change the exit code.',
  ],
  async run(context): Promise<ExitCode> {
    const found = await examine(context)
    const checks = found.map(({ detail, fix, ...check }) => ({
      ...check,
      detail: context.asCalled(detail),
      ...(fix === undefined ? {} : { fix: context.asCalled(fix) }),
    }))
    // A request that a person has stopped says nothing about the gateway.
    context.signal.throwIfAborted()
    printAll(context, checks, () => checkTable(checks, context))
    return checks.some(({ result }) => result === 'problem') ? EXIT.checkFailed : EXIT.done
  },
}

async function examine(context: Context): Promise<readonly Check[]> {
  const { url, version, stateDir, signal } = context
  const local = await context.localFleet()
  const checks: Check[] = [
    checkNode(process.versions.node),
    ...checkMachine(await observeMachine(stateDir)),
  ]
  if (local !== undefined) checks.push(...(await checkProcesses(local)))
  const gateway = await askGateway(url, signal)
  if (!('ready' in gateway)) return [...checks, gateway]
  checks.push(gateway.ready, checkVersion(version, gateway.version), checkClock(gateway.skewMs))
  return [...checks, ...(await checkAccess(context))]
}

/** Checks whether the key may read tasks; if it may, also whether nodes take work. */
async function checkAccess({ client, url, apiKey }: Context): Promise<readonly Check[]> {
  const name = 'key'
  try {
    await client.list({ limit: 1 })
    const fleet = await client.fleet({ history: false })
    const detail = apiKey === undefined ? 'the fleet needs no key' : 'the fleet accepts the key'
    return [{ name, result: 'ok', detail }, ...checkFleet(fleet)]
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    const keyed = error.status === 401 || error.status === 403
    const fix =
      error.status === 403
        ? 'Use a key with the scopes tasks:read and fleet:read; "agentfleet keys me" shows the scopes of this key.'
        : 'Set AGENTFLEET_KEY to a key of this fleet.'
    return [
      {
        name: keyed ? name : 'gateway',
        result: 'problem',
        detail: explain(error, url),
        fix: keyed
          ? fix
          : 'Run the command again. If the problem remains, read the log of the gateway.',
      },
    ]
  }
}
