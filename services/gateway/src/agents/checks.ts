import type { AnswerChecks, JsonSchema, SchemaCheck } from '@agentfleet/answer-schema'
import { unreachable, type ProblemCode } from '@agentfleet/domain'
import type { AgentDefinitionView } from '@agentfleet/protocol'
import { checkEcho } from '../fleet/offers.ts'
import { Refusal, wrongField } from '../http/problems.ts'
import { createTenantTurns } from '../tenants/turns.ts'

/**
 * Checks the parts of a definition that only workers use, so that the gateway accepts no task that
 * every worker must fail.
 */
export type DefinitionChecks = ReturnType<typeof createDefinitionChecks>

/** Schemas of one tenant that are checked at a time: the second is prepared while the thread checks the first. */
const SCHEMAS_AT_ONCE = 2

/** Creates checks with the same rules as those of the workers. */
export function createDefinitionChecks(answers: Pick<AnswerChecks, 'checkSchema'>) {
  // Before a schema is handed to a thread, the gateway itself looks at all of it.
  const turns = createTenantTurns(SCHEMAS_AT_ONCE)
  /** Throws a Refusal if no answer could be checked against the schema. */
  const responseSchema = async (schema: object, tenant: string, pointer: string): Promise<void> => {
    const checked = await turns(tenant, () => answers.checkSchema(schema as JsonSchema, tenant))
    if (checked.kind !== 'ok') throw refusalOf(checked, pointer)
  }
  return {
    responseSchema,
    /** Throws a Refusal if no worker could use the definition. */
    async definition(definition: AgentDefinitionView, tenant: string, pointer = ''): Promise<void> {
      const { responseSchema: schema, model, fallbackModels = [] } = definition
      if (model !== undefined) checkEcho(model, `${pointer}/model`)
      for (const each of fallbackModels) checkEcho(each, `${pointer}/fallbackModels`)
      if (schema !== undefined) await responseSchema(schema, tenant, `${pointer}/responseSchema`)
    },
  }
}

function refusalOf(
  { kind, problem }: Exclude<SchemaCheck, { readonly kind: 'ok' }>,
  pointer: string,
): Refusal {
  switch (kind) {
    case 'bad-schema':
      return wrongField(pointer, problem)
    case 'unknown-dialect':
      return unusable('unsupported-schema', `${pointer}/$schema`, problem)
    case 'too-costly':
      return unusable('schema-too-costly', pointer, problem)
    case 'busy':
      return new Refusal(
        'overloaded',
        `${pointer} ${problem}. Send the request again after Retry-After seconds.`,
      )
    default:
      return unreachable(kind)
  }
}

function unusable(code: ProblemCode, pointer: string, detail: string): Refusal {
  return new Refusal(code, `Correct the request: ${pointer} ${detail}.`, [{ pointer, detail }])
}
