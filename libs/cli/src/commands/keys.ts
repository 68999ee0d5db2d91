import { SCOPES, given } from '@agentfleet/domain'
import type { KeyCreated, KeyRequest } from '@agentfleet/protocol'
import { takes, type Command, type Context, type Input } from '../command.ts'
import { UsageError, type ExitCode } from '../exit.ts'
import { PAGE_MAX, pagesOf, type From } from '../pages.ts'
import {
  durationOf,
  listOf,
  notOneOf,
  oneArgument,
  textOf,
  textsOf,
  wholeOf,
} from '../parse/values.ts'
import { keyDetails, keyTable, meDetails } from '../render/key-views.ts'
import { printOne, showList } from '../watching.ts'

const RATE = { min: 1, max: 1_000_000 }
const CONCURRENT = { min: 1, max: 100_000 }

/** `agentfleet keys`: keys of the API, which an admin makes, rotates and revokes while the fleet runs. */
export const keys: Command = {
  name: 'keys',
  summary: 'show what your key may do; list, make, rotate and revoke keys',
  usages: [
    'keys me',
    'keys [ls] [--tenant NAME]',
    'keys create --tenant NAME --scope SCOPE… [options] TEXT',
    'keys get KEY_ID',
    'keys rotate [--overlap DURATION] KEY_ID',
    'keys revoke KEY_ID',
  ],
  words: ['me', 'ls', 'create', 'get', 'rotate', 'revoke'],
  options: {
    tenant: takes('NAME', 'give the key to the tenant NAME'),
    scope: takes('SCOPE', 'give the key the right SCOPE', { choices: SCOPES, multiple: true }),
    agent: takes('NAME', 'tasks of the key may use the agent NAME (default: every agent)', {
      multiple: true,
    }),
    rate: takes('N', 'the key may send at most N requests a minute'),
    concurrent: takes('N', 'the key may have at most N open requests at a time'),
    expires: takes('DURATION', 'the key expires after DURATION, such as 30d'),
    overlap: takes('DURATION', 'the old secret still works for DURATION'),
  },
  notes: [
    'TEXT says what the key is for. Only "create" and "rotate" print a secret, and the secret is never shown again.',
    'Every subcommand except "me" needs a key with the scope admin.',
  ],
  async run(context, input): Promise<ExitCode> {
    const { client } = context
    const [word = 'ls', ...rest] = input.args
    switch (word) {
      case 'me': {
        const me = await client.me()
        return printOne(context, me, () => meDetails(me, context))
      }
      case 'ls':
        return showList(context, () => readKeys(context, textOf(input, 'tenant')), keyTable)
      case 'create':
        return createKey(
          context,
          input,
          oneArgument(rest, 'The text that says what the key is for is missing.'),
        )
      case 'get': {
        const view = await client.key(oneArgument(rest, 'The id of the key is missing.'))
        return printOne(context, view, () => keyDetails(view, context))
      }
      case 'rotate': {
        const overlapMs = durationOf(input, 'overlap')
        const overlapSeconds = overlapMs === undefined ? undefined : Math.round(overlapMs / 1_000)
        const id = oneArgument(rest, 'The id of the key is missing.')
        const view = await client.rotateKey(id, given({ overlapSeconds }))
        return printSecret(context, view)
      }
      case 'revoke': {
        const id = oneArgument(rest, 'The id of the key is missing.')
        await client.revokeKey(id)
        return printOne(context, { id, revoked: true }, () => `${id} revoked`)
      }
      default:
        throw notOneOf(word, keys)
    }
  },
}

async function createKey(context: Context, input: Input, name: string): Promise<ExitCode> {
  const tenant = textOf(input, 'tenant')
  const chosen = textsOf(input, 'scope')
  if (tenant === undefined || chosen.length === 0) {
    throw new UsageError(
      `Give --tenant and at least one --scope (${SCOPES.join(', ')}): agentfleet keys create --tenant acme --scope tasks:read "dashboard"`,
    )
  }
  const limits = given({
    requestsPerMinute: wholeOf(input, 'rate', RATE),
    concurrent: wholeOf(input, 'concurrent', CONCURRENT),
  })
  const expiresMs = durationOf(input, 'expires')
  const request: KeyRequest = {
    name,
    tenant,
    scopes: SCOPES.filter((scope) => chosen.includes(scope)),
    ...given({
      agents: listOf(input, 'agent'),
      limits: Object.keys(limits).length === 0 ? undefined : limits,
      expiresAt:
        expiresMs === undefined ? undefined : new Date(context.nowMs() + expiresMs).toISOString(),
    }),
  }
  return printSecret(context, await context.client.createKey(request))
}

/** The secret alone on the standard output, so that a script can store it. */
function printSecret(context: Context, view: KeyCreated): ExitCode {
  if (!context.json)
    context.note(`The key ${view.id} has the following secret, which is never shown again:`)
  return printOne(context, view, () => view.key)
}

/** Every key that the caller may see, page by page. */
export async function readKeys(context: Context, tenant: string | undefined) {
  const query = { ...given({ tenant }), limit: PAGE_MAX }
  const found = []
  const read = (from: From) => context.client.keys({ ...query, ...from })
  for await (const { keys } of pagesOf(context, read)) found.push(...keys)
  return found
}
