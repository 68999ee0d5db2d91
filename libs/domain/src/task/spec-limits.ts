/**
 * The limits of a task's spec and of an agent's definition. The schemas of the bus and the gateway's checks of
 * JSON values read them from here. openapi.yaml repeats them for clients; test/contract/values.test.ts carries
 * specs at the limits of openapi.yaml through all of these checks.
 */
export const SPEC_LIMITS = {
  /** The most that providers accept. */
  temperatureMax: 2,
  stopsMax: 4,
  stopCharsMax: 256,
  /** A long document, Unicode characters. */
  taskCharsMax: 131_072,
  systemPromptCharsMax: 131_072,
  /** Deeper JSON breaks recursive readers, here and elsewhere, levels. */
  contextDepthMax: 64,
  /** The size of a request, bytes of compact JSON: numbers such as 1e20 grow when they are written. */
  contextBytesMax: 1_048_576,
  /** Every task of an agent and each of its prompts carry the schema, bytes of compact JSON. */
  schemaBytesMax: 32 * 1024,
  /** Deeper schemas break recursive readers, levels. */
  schemaDepthMax: 32,
  /** A day, milliseconds. */
  timeoutMsMax: 86_400_000,
  maxAttemptsMax: 20,
  outputTokensMax: 1_000_000,
  metadataKeysMax: 16,
  metadataKeyCharsMax: 64,
  metadataValueCharsMax: 512,
  affinityKeyCharsMax: 128,
  fallbackModelsMax: 8,
  toolNamesMax: 64,
  /** More than a provider sells in a day, and far from the end of exact integers. */
  budgetTokensMax: 1_000_000_000_000,
  budgetUsdMax: 1_000_000,
  budgetTurnsMax: 1_000_000,
  /** Eight days: a task waits for at most seven and then lives for at most one, milliseconds. */
  budgetWallMsMax: 691_200_000,
  turnsMax: 1_000,
  toolCallsMax: 10_000,
  repairsMax: 10,
  /** A version of a definition is one higher than the version before it. */
  agentVersionMax: 1_000_000_000,
  descriptionCharsMax: 1_024,
  definitionPromptCharsMax: 32_768,
  /** More agents than a planner can tell apart. */
  rolesMax: 50,
  replansMax: 5,
  /** A reason given with an approval. */
  noteCharsMax: 2_000,
  /** The last time that a date can hold, epoch milliseconds. */
  instantMsMax: 8_640_000_000_000_000,
  /** Clocks differ, and a request may be sent again a while later: a day, milliseconds. */
  notBeforePastMsMax: 86_400_000,
} as const

/** Name of a task's agent, or of its role. */
export const AGENT_PATTERN = /^[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}$/
/** Name of a model. */
export const MODEL_PATTERN = /^[A-Za-z0-9][!-~]{0,199}$/
/** Name of a tool, or the beginning of one with `*`. */
export const TOOL_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_./*-]{0,127}$/
