// Generated from openapi.yaml by `npm run generate --prefix libs/protocol`; change that file instead.

export interface components {
  schemas: {
    /** @enum {string} */
    Level: 'low' | 'medium' | 'high'
    /** @enum {string} */
    TaskState: 'waiting' | 'queued' | 'running' | 'retrying' | 'completed' | 'failed' | 'cancelled'
    IdempotencyKey: string
    TaskRequest: {
      /** @description The work for the agent. */
      task: string
      /** @description The system prompt of the task, which replaces the system prompt of the agent's definition. */
      systemPrompt?: string
      /** @description Any JSON that the agent gets with the task: at most 64 levels deep and 1 MiB as compact JSON. */
      context?: unknown
      /**
       * @description How much CPU of its node the task needs.
       * @default low
       * @enum {string}
       */
      cpu?: 'low' | 'medium' | 'high'
      /**
       * @description How much memory of its node the task needs.
       * @default low
       * @enum {string}
       */
      memory?: 'low' | 'medium' | 'high'
      /**
       * @description Tasks with a higher priority start first.
       * @default medium
       * @enum {string}
       */
      priority?: 'low' | 'medium' | 'high'
      /** @description The name of a defined agent (see `/v1/agents`; "DevOps Engineer" means `devops-engineer`). The gateway answers 422 if no agent has this name. Fields of the task override the definition. Default: the agent `assistant`, which has no definition. */
      agent?: string
      /** @description The version of the agent's definition. Default: the newest version. */
      agentVersion?: number
      /** @description A definition for this task only; the task does not use the stored definition of its agent. */
      agentDefinition?: components['schemas']['AgentDefinition']
      fallbackModels?: components['schemas']['FallbackModels']
      tools?: components['schemas']['ToolNames']
      responseSchema?: components['schemas']['ResponseSchema']
      budget?: components['schemas']['Budget']
      limits?: components['schemas']['RunLimits']
      /** @description The LLM. Default: the model of the agent's definition, otherwise the default model of the gateway. */
      model?: string
      /** @description The longest time from the submission of the task to its end, with waiting and retries; after this time the task fails with `deadline-exceeded`. Default: the value of the agent's definition, otherwise one hour. */
      timeoutMs?: number
      /**
       * @description The number of failed attempts after which the task fails.
       * @default 3
       */
      maxAttempts?: number
      /**
       * @description `auto`: the placement policy chooses the node. `advised`: the adviser chooses among the nodes that the policy allows; the policy chooses if no adviser is configured or none answers in time.
       * @default auto
       * @enum {string}
       */
      placement?: 'auto' | 'advised'
      approvers?: components['schemas']['Approvers']
      /** @description Tasks with the same key run on the same node while that node has free slots. */
      affinityKey?: string
      /** @description The largest number of output tokens of one LLM call. */
      maxOutputTokens?: number
      sampling?: components['schemas']['Sampling']
      /** @description Your own labels for the task; the API returns the labels unchanged, and lists can filter by them. */
      metadata?: components['schemas']['Metadata']
      /** @description Ids of tasks that must end before this task runs; the agent gets the results of these tasks. The gateway answers 422 if an id belongs to no task. In a batch, `#0` refers to the first task of the batch. */
      dependsOn?: string[]
      /**
       * @description What happens if a dependency fails or is cancelled. `fail`: this task fails at once with the code `dependency-failed`. `continue`: this task runs, and its agent reads that the dependency failed.
       * @default fail
       * @enum {string}
       */
      onDependencyFailure?: 'fail' | 'continue'
      /**
       * Format: date-time
       * @description The task does not run before this time (RFC 3339), which is at most seven days ahead. A time up to one day in the past starts the task at once. `timeoutMs` counts from `notBefore`.
       */
      notBefore?: string
      /** @description How long the task waits after its submission before it may run. `timeoutMs` counts from the end of this delay. */
      delayMs?: number
      /** @description The idempotency key of the task; in a batch, use this field instead of the header `Idempotency-Key`. */
      idempotencyKey?: components['schemas']['IdempotencyKey']
    }
    /** @description Models that the worker tries in this order if `model` is unavailable. */
    FallbackModels: string[]
    /** @description The tools that the agent may use. `server__*` means all tools whose names begin with `server__`. An empty list allows no tool. Default: the built-in tools of the worker. An agent gets your own tools and the tools of MCP servers only if this list names them. */
    ToolNames: string[]
    /** @description The JSON Schema that the result must satisfy: at most 32 levels deep and 32 kB as compact JSON. The schema follows JSON Schema 2020-12, or draft-07 if its `$schema` says so. The gateway refuses a schema with the code `schema-too-costly` if checking an answer against it would cost too much. */
    ResponseSchema: {
      [key: string]: unknown
    }
    /** @description The most that all attempts of a task may use. A task that reaches the limit fails with `budget-exceeded` and keeps the result that it has so far. */
    Budget: {
      /** @description The largest sum of input and output tokens. */
      tokens?: number
      usd?: number
      /** @description The largest number of LLM calls. */
      turns?: number
      /** @description The largest number of milliseconds since the submission; at most eight days, the longest lifetime of a task. */
      wallMs?: number
    }
    /** @description Limits of a run; the limits of the worker also apply to the run. */
    RunLimits: {
      turnsMax?: number
      toolCallsMax?: number
      /** @description How often the model may correct an answer that violates the response schema. */
      repairsMax?: number
    }
    /** @description Parameters of the provider for the generation of an answer. If a provider refuses a parameter for a model, the worker omits the parameter in later calls. The parameters of a task override the parameters of its agent. */
    Sampling: {
      temperature?: number
      topP?: number
      /** @description The model ends its answer when it generates one of these texts. */
      stop?: string[]
      seed?: number
      /**
       * @description How much the model reasons before it answers.
       * @enum {string}
       */
      reasoningEffort?: 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh'
      /** @enum {string} */
      verbosity?: 'low' | 'medium' | 'high'
    }
    /** @description Limits for the tasks of an agent; the limits of a task override the limits of its agent. */
    AgentLimits: {
      turnsMax?: number
      toolCallsMax?: number
      repairsMax?: number
      maxOutputTokens?: number
      timeoutMs?: number
      budget?: components['schemas']['Budget']
    }
    AgentDefinition: {
      /** @description The role of the agent in a few words. */
      role?: string
      /** @description The tasks for which the agent is suited. People and planners read the description. */
      description?: string
      /** @description The system prompt of the agent's tasks. */
      systemPrompt?: string
      model?: string
      fallbackModels?: components['schemas']['FallbackModels']
      tools?: components['schemas']['ToolNames']
      responseSchema?: components['schemas']['ResponseSchema']
      sampling?: components['schemas']['Sampling']
      limits?: components['schemas']['AgentLimits']
    }
    Agent: {
      name: string
      /** @description The first definition has the version 1, and each change adds 1. A built-in definition has the version 0. */
      version: number
      builtIn: boolean
      updatedAt?: string
      definition: components['schemas']['AgentDefinition']
    }
    AgentSummary: {
      name: string
      version: number
      builtIn: boolean
      updatedAt?: string
      role?: string
      description?: string
      model?: string
    }
    AgentList: {
      agents: components['schemas']['AgentSummary'][]
    }
    ToolList: {
      tools: components['schemas']['Tool'][]
      /** @description The MCP servers that now lack a configured tool. */
      mcpProblems: components['schemas']['McpProblem'][]
    }
    McpProblem: {
      /** @description The name of the server in MCP_SERVERS. */
      server: string
      /** @description What is wrong, such as `the node cannot reach the server (ENOENT)`. */
      problem: string
      /** @description The number of nodes that report this problem. */
      nodes: number
    }
    Tool: {
      name: string
      /** @description The beginning of the text that the model reads about the tool. */
      description: string
      /**
       * @description Where the tool comes from. `built-in`: the tool is part of the worker, and agents without a field `tools` may use it. `run`: the tool is built into the worker, and only agents whose definition lists it may call it. `module`: the tool is from the folder in TOOLS_DIR. `mcp`: the tool is from an MCP server.
       * @enum {string}
       */
      source: 'built-in' | 'run' | 'module' | 'mcp'
      /** @description Whether a person must approve each call of the tool. */
      approval: boolean
      /** @description The number of nodes that offer the tool. */
      nodes: number
    }
    /** @description The definition with which the task was submitted. */
    DefinitionRef: {
      name: string
      /** @description The version of the definition; 0 for a built-in definition. */
      version: number
    }
    /**
     * @description `start`: the new task begins with its first call. `journal`: the new task continues after the last finished call of the ended task.
     * @default start
     * @enum {string}
     */
    ReplayFrom: 'start' | 'journal'
    ReplayRequest: {
      from?: components['schemas']['ReplayFrom']
    }
    ReplayQuery: {
      /**
       * @description Replay only tasks that ended in this state. If you send neither `taskIds` nor `state`, the gateway replays only `failed` tasks.
       * @enum {string}
       */
      state?: 'completed' | 'failed' | 'cancelled'
      /** @description The ids of the tasks; send either `taskIds` or filters. */
      taskIds?: string[]
      agent?: components['schemas']['FilterName']
      model?: components['schemas']['FilterName']
      priority?: components['schemas']['Level']
      node?: components['schemas']['FilterName']
      errorCode?: components['schemas']['FilterErrorCode']
      kind?: components['schemas']['TaskKind']
      parentId?: components['schemas']['FilterName']
      replayOf?: components['schemas']['FilterName']
      metadata?: components['schemas']['FilterMetadata']
      q?: components['schemas']['FilterText']
      createdAfter?: components['schemas']['TimeOrDay']
      createdBefore?: components['schemas']['TimeOrDay']
      endedAfter?: components['schemas']['TimeOrDay']
      endedBefore?: components['schemas']['TimeOrDay']
      from?: components['schemas']['ReplayFrom']
      /**
       * @description With `true` the gateway only counts the tasks that match.
       * @default false
       */
      dryRun?: boolean
      /**
       * @description How many tasks the gateway examines in this request.
       * @default 1000
       */
      limit?: number
      /** @description The `nextCursor` of the previous answer; send it with the same filters. */
      cursor?: string
    }
    ReplayResult: {
      replayOf: string
      /** @description The HTTP status that `POST /v1/tasks/{id}/replay` would return for this task. */
      status: number
      /** @description The id of the new task. */
      taskId?: string
      problem?: components['schemas']['Problem']
    }
    ReplayPage: {
      dryRun: boolean
      /** @description The number of tasks of this page that match. */
      matched: number
      /** @description How many stored tasks the gateway looked at. */
      scanned: number
      results: components['schemas']['ReplayResult'][]
      /** @description The cursor of the next page; absent when the gateway has examined every task. */
      nextCursor?: string
    }
    Metadata: {
      [key: string]: string
    }
    BatchRequest: {
      tasks: components['schemas']['TaskRequest'][]
    }
    BatchResponse: {
      results: components['schemas']['BatchResult'][]
    }
    BatchResult: {
      /** @description The HTTP status that `POST /v1/tasks` would return for this task. */
      status: number
      taskId?: string
      problem?: components['schemas']['Problem']
    }
    Usage: {
      inputTokens: number
      outputTokens: number
      llmCalls: number
      /** @description Input tokens that the provider read from its cache. */
      cachedTokens?: number
      /** @description Output tokens of reasoning that is not part of the answer. */
      reasoningTokens?: number
      /** @description The cost, computed from the price tables of the providers; absent if no model has a price. */
      costUsd?: number
      /** @description How many of `llmCalls` called a model that has no price, so that `costUsd` is only a lower bound; absent if `costUsd` includes every call or is absent. */
      unpricedCalls?: number
    }
    /** @description The provider and the model that answered. The name of the model is the one that the provider uses. */
    CalledBy: {
      provider: string
      model: string
      /** @description The version of the price table. */
      prices?: string
    }
    TaskSeries: {
      /** @enum {string} */
      scope: 'tenant' | 'fleet'
      tenant?: string
      /** @enum {string} */
      step: '10s' | '1m' | '1h'
      /** @enum {string} */
      groupBy?: 'agent' | 'model' | 'priority'
      from: string
      to: string
      /** @description The time from which the counts are complete: older counts are deleted, or the fleet had no tasks before this time. */
      knownFrom: string
      /** @description The agents, models or priorities with the most tasks come first. */
      series: {
        /** @description The agent, model or priority; absent without `groupBy`. */
        key?: string
        /** @description The steps in which something happened, oldest first. */
        points: components['schemas']['StatsPoint'][]
      }[]
    }
    /** @enum {string} */
    StatsFigure:
      | 'submitted'
      | 'started'
      | 'completed'
      | 'failed'
      | 'cancelled'
      | 'retried'
      | 'lost'
      | 'llmCalls'
      | 'inputTokens'
      | 'outputTokens'
      | 'costUsd'
      | 'unpricedCalls'
      | 'waitMs'
      | 'firstTokenMs'
    /** @description Without the parameter `series` a point has every figure that exists for the step. */
    StatsPoint: {
      /** @description The time at which the step begins. */
      at: string
      submitted?: number
      /** @description The number of runs that nodes have begun. */
      started?: number
      completed?: number
      failed?: number
      cancelled?: number
      /** @description The number of failed attempts that the fleet repeats. */
      retried?: number
      /** @description The number of runs that another run replaced because their node became silent. */
      lost?: number
      llmCalls?: number
      inputTokens?: number
      outputTokens?: number
      /** @description The cost of the calls to models that have a price. */
      costUsd?: number
      /** @description How many of `llmCalls` called a model that has no price. */
      unpricedCalls?: number
      /** @description The time from when a task could start until a node received the task; absent if no task started. */
      waitMs?: components['schemas']['Quantiles']
      /** @description The time from the start of an LLM call to its first token; absent if no call streamed its answer. */
      firstTokenMs?: components['schemas']['Quantiles']
    }
    /** @description Milliseconds. */
    Quantiles: {
      count: number
      p50: number
      p99: number
    }
    TenantLimits: {
      tenant: string
      at: string
      limits: {
        /** @description The weight of your tenant when tenants compete for slots. */
        weight: number
        /** @description The largest number of your tasks that may run at a time. */
        concurrency?: number
        /** @description The largest number of your tasks that have not ended. */
        tasks?: number
        /** @description The largest number of bytes that the events of your tasks may use in the log. */
        logBytes?: number
        /** @description The largest number of your agent definitions. */
        agents?: number
        /** @description The largest number of your schedules. */
        schedules?: number
        /** @description The largest number of open connections to one gateway. */
        streams?: number
        /** @description The largest number of requests that one gateway holds for `Prefer` at a time. */
        heldRequests?: number
      }
      holds?: {
        /** @description The number of your tasks that have not ended. */
        tasks?: number
        /** @description The number of your ended tasks that are still stored. */
        ended?: number
        /** @description The number of bytes that the events of all your tasks use in the log. */
        logBytes?: number
        /** @description The number of your tasks that run. */
        concurrency?: number
        /** @description The number of your agent definitions. */
        agents?: number
        /** @description The number of your schedules. */
        schedules?: number
        /** @description The number of your open connections to the gateway that answers. */
        streams?: number
        /** @description The number of your requests that the gateway that answers holds for `Prefer` now. */
        heldRequests?: number
      }
      /** @description The usage of your tasks in this hour and on this day (UTC); the fleet compares this usage with your budgets. */
      spent?: {
        hour: components['schemas']['Spent']
        day: components['schemas']['Spent']
      }
      /**
       * @description The most that the LLM calls of your tasks may use within an hour and within a day (UTC). An absent
       *     amount does not limit. A call that would exceed one of them fails its task with `budget-exceeded`.
       */
      budget?: {
        tokensPerHour?: components['schemas']['BudgetLimit']
        usdPerHour?: components['schemas']['BudgetLimit']
        tokensPerDay?: components['schemas']['BudgetLimit']
        usdPerDay?: components['schemas']['BudgetLimit']
      }
      /** @description The state of each provider model that the nodes have called recently, as in `GET /v1/fleet`. All models of one provider share the limits of its key. */
      providers?: components['schemas']['ProviderModel'][]
      /** @description How full the stores are; only operators see `stores`. If the fleet does not know the size of a store, `maxBytes` of the store is 0. */
      stores?: {
        log: components['schemas']['StoreFill']
        redis: components['schemas']['StoreFill']
      }
    }
    /**
     * @description One limit of a budget, in tokens or US dollars. `used` and `setAside` are missing while Redis does not
     *     answer.
     */
    BudgetLimit: {
      limit: number
      /** @description The tokens or the cost that the fleet has counted in this hour or on this day. */
      used?: number
      /**
       * @description The most that the calls under way may use. For a few seconds after its end, a call still sets aside
       *     what it used, so that no usage is missing until `used` includes it.
       */
      setAside?: number
      /**
       * Format: date-time
       * @description When the count starts again.
       */
      resetsAt: string
    }
    Spent: {
      tokens: number
      costUsd: number
      /** @description The number of LLM calls that `costUsd` does not include because their model has no price. */
      unpricedCalls: number
    }
    StoreFill: {
      bytes: number
      maxBytes: number
    }
    QueueList: {
      /** @enum {string} */
      scope: 'tenant' | 'fleet'
      tenant?: string
      at: string
      queues: components['schemas']['TenantQueue'][]
    }
    TenantQueue: {
      tenant: string
      priority: components['schemas']['Level']
      /** @description The number of tasks that wait for a node. */
      waiting: number
      /** @description The number of tasks that load balancers have taken out of the queue. */
      inFlight: number
      /** @description The number of tasks that wait for the time of their next attempt. */
      retrying: number
      /** @description The weight of the tenant when tenants compete for slots. */
      weight: number
      /** @description The largest number of tasks of the tenant that may run at a time; absent if there is no limit. */
      concurrency?: number
      /** @description The time since which the oldest task of the queue waits; absent if no task waits. */
      oldestQueuedAt?: string
    }
    UsageReport: {
      /** @enum {string} */
      scope: 'tenant' | 'fleet'
      tenant?: string
      from: string
      to: string
      /** @description The metadata keys that `groupBy` accepts after `metadata.`. */
      metadataKeys: string[]
      /** @description The days (UTC) that have usage, oldest first. */
      days: {
        day: string
        total: components['schemas']['Usage']
        /** @description The models that have usage. If a day has more than 1,000 models, the entry whose model and provider are `(others)` is the sum of the further models. In the usage of all tenants each tenant has a share of these models, so a tenant that names many takes no entry of another tenant. */
        models: {
          model: string
          provider: string
          usage: components['schemas']['Usage']
        }[]
        /** @description The agents that have usage; present only with `groupBy=agent`. If a day has more than 1,000 agents, `(others)` is the sum of the further agents; in the usage of all tenants each tenant has a share of these agents. Usage that an earlier release counted belongs to no agent, so the sum of the agents can be smaller than `total`. */
        agents?: {
          agent: string
          usage: components['schemas']['Usage']
        }[]
        /** @description The tenants that have usage; present only with `groupBy=tenant`. If a day has more than 1,000 tenants, `(others)` is the sum of the further tenants. Usage that an earlier release counted belongs to no tenant, so the sum of the tenants can be smaller than `total`. */
        tenants?: {
          tenant: string
          usage: components['schemas']['Usage']
        }[]
        /** @description The values that the tasks with usage have for the metadata key; present only with `groupBy=metadata.KEY`. If a day has more than 1,000 values, the entry without `value` is the sum of the further values; it also has the usage of tasks whose value exceeds 128 characters. The sum of the entries is smaller than `total` if some tasks do not have the key, if the metadata of a task exceeds 512 characters, or if calls were counted before the operator named the key. */
        values?: {
          value?: string
          usage: components['schemas']['Usage']
        }[]
        /** @description The hours that have usage; present only with `groupBy=hour`. */
        hours?: {
          /** @description From 0 to 23. */
          hour: number
          tokens: number
          costUsd: number
          /** @description The number of LLM calls that `costUsd` does not include because their model has no price. */
          unpricedCalls: number
        }[]
      }[]
      /** @description The groups of all days together, the most expensive first and, with the same cost, the one with most tokens first; present only with `top`. */
      groups?: {
        name: string
        usage: components['schemas']['Usage']
      }[]
      /** @description The number of groups that have a name, with those that `groups` leaves out; present only with `top`. */
      groupCount?: number
      /** @description The sum of all calls whose group `groups` leaves out; present only with `top`. The sum of `groups` and `others` can be smaller than `total` for the same reasons as the sum of the groups of a day. */
      others?: components['schemas']['Usage']
      total: components['schemas']['Usage']
    }
    TaskError: {
      code: string
      message: string
    }
    Task: {
      id: string
      /** @description The state of the task. The log has no event for the start of a first attempt, so `running` may come from a note in Redis that can get lost. */
      state: components['schemas']['TaskState']
      agent: string
      model: string
      priority: components['schemas']['Level']
      cpu: components['schemas']['Level']
      memory: components['schemas']['Level']
      task: string
      systemPrompt?: string
      context?: unknown
      metadata?: components['schemas']['Metadata']
      createdAt: string
      updatedAt: string
      /** @description The time at which the task fails with `deadline-exceeded` if it has not ended. */
      deadlineAt: string
      /** @description The sequence of the last stored event; send it as `after` to follow only later events of the task. */
      seq: number
      /** @description The attempt that may run now, counted from 1; the value is 0 while a task waits before its first attempt. */
      attempt: number
      failures: number
      /** @description The node that runs or ran the attempt. */
      node?: string
      /** @description Why the load balancer chose the node; present after an event has recorded the choice. */
      placement?: components['schemas']['Placement']
      affinityKey?: string
      /** @description The key that submitted the task or its parent; absent on a gateway without keys. A replay has the key that asked for the replay. A run of a schedule has the key that asked for the run, or, at the time of the schedule, the key that stored the schedule. */
      submittedBy?: string
      /** @description The key that chose the text of the task; present if `submittedBy` submitted the text again, as a replay or as a run of a schedule. */
      writtenBy?: string
      approvers?: components['schemas']['Approvers']
      definition?: components['schemas']['DefinitionRef']
      fallbackModels?: components['schemas']['FallbackModels']
      tools?: components['schemas']['ToolNames']
      responseSchema?: components['schemas']['ResponseSchema']
      budget?: components['schemas']['Budget']
      limits?: components['schemas']['RunLimits']
      /** @description The id of the ended task that this task replays. */
      replayOf?: string
      /** @description The time at which the next attempt may start. */
      retryAt?: string
      waitingFor?: components['schemas']['Waiting']
      /** @description How often the task released its slot to wait. */
      pauses?: number
      approvals?: components['schemas']['Approval'][]
      dependsOn?: string[]
      /** @description The earliest time at which the task may run. */
      notBefore?: string
      /** @description The id of the task that started this task. */
      parentId?: string
      /** @description The tasks that this task has started. */
      children?: components['schemas']['Child'][]
      /** @description The answer of the agent. */
      result?: unknown
      error?: components['schemas']['TaskError']
      usage: components['schemas']['Usage']
    }
    /** @description What the task waits for. With the kind `dependencies` or `children` the task waits for the tasks in `taskIds`. With the kind `time` the task waits for the time in `until`. With the kind `approval` the task waits until a person decides on the tool call that `step`, `tool` and `arguments` describe. */
    Waiting: {
      /** @enum {string} */
      kind: 'dependencies' | 'time' | 'approval' | 'children'
      taskIds?: string[]
      until?: string
      step?: number
      tool?: string
      arguments?: unknown
    }
    /**
     * @description With `other-keys` the key that submitted the task may not decide on its steps or on its held plan; another key must decide. Of a replay and of a run of a schedule, neither the key that asked for it nor the key that chose the text may decide. `other-keys` also applies to the children of the task. A request without a key, to a gateway without keys, may not ask for `other-keys`. With `any`, the default, every key with the scope `tasks:approve` may decide.
     * @enum {string}
     */
    Approvers: 'any' | 'other-keys'
    /** @description The decision of a person on a step that needed approval. */
    Approval: {
      step: number
      approved: boolean
      /** @description The key that decided. */
      by: string
      /** @description The name that the request gave. The fleet does not check the name. */
      person?: string
      note?: string
      /** @description When the decision was stored, in milliseconds since the Unix epoch. */
      atMs?: number
    }
    ApprovalRequest: {
      approved: boolean
      /** @description The reason of the decision; the model reads the reason if you refuse the step. */
      note?: string
      /** @description The name of the person who decides, on one line, for keys that several people use. The API returns the name with the task; the model does not read the name. */
      person?: string
    }
    Child: {
      id: string
      /** @description The step of the parent in which it started the child. */
      step: number
    }
    GoalRequest: {
      /** @description The goal in words. */
      goal: string
      /** @description Any JSON that the planner gets with the goal: at most 64 levels deep and 1 MiB as compact JSON. */
      context?: unknown
      approvers?: components['schemas']['Approvers']
      /**
       * @description With `false` the plan waits for `POST /v1/goals/{id}/run`.
       * @default true
       */
      run?: boolean
      /** @description The names of the agents that steps may use. Default: all agents. */
      roles?: string[]
      /**
       * @description How often the planner may replace a plan that is invalid or has failed.
       * @default 2
       */
      maxReplans?: number
      /** @description The agent that plans and combines the results. Default: `project-manager`. */
      planner?: string
      /** @description The LLM of the planner and of steps whose agent defines no model. */
      model?: string
      /**
       * @default medium
       * @enum {string}
       */
      priority?: 'low' | 'medium' | 'high'
      /** @description The longest time from the submission of the goal to its end, by default one day; after this time the goal fails with all its steps. */
      timeoutMs?: number
      /** @default 3 */
      maxAttempts?: number
      budget?: components['schemas']['Budget']
      metadata?: components['schemas']['Metadata']
      idempotencyKey?: components['schemas']['IdempotencyKey']
    }
    Goal: {
      id: string
      state: components['schemas']['TaskState']
      /**
       * @description With `held` the plan waits for `POST /v1/goals/{id}/run`.
       * @enum {string}
       */
      stage: 'planning' | 'held' | 'running' | 'concluding' | 'ended'
      goal: string
      planner: string
      model: string
      createdAt: string
      updatedAt: string
      seq: number
      /** @description Every plan that the planner made for the goal, the newest last. */
      plans: components['schemas']['GoalPlan'][]
      waitingFor?: components['schemas']['Waiting']
      /** @description The usage of the goal and of its steps. */
      usage: components['schemas']['Usage']
      limits: {
        stepsMax: number
        depthMax: number
        taskCharsMax: number
        maxReplans: number
      }
      /** @description The answer in which the planner combines the results of the steps. */
      result?: unknown
      error?: components['schemas']['TaskError']
    }
    GoalPlan: {
      /** @description The step of the goal in which the planner made the plan. */
      step: number
      valid: boolean
      summary: string
      /** @description The length of the longest chain of steps. */
      depth?: number
      /** @description Why the plan is invalid. */
      problems?: string[]
      steps: components['schemas']['GoalStep'][]
    }
    GoalStep: {
      id: string
      role: string
      task: string
      dependsOn: string[]
      /** @description The id of the task that runs the step; absent before the plan runs. */
      taskId?: string
      state?: components['schemas']['TaskState']
      error?: components['schemas']['TaskError']
    }
    ScheduleRequest: {
      /** @description A cron expression with five fields, or with six if seconds come first. The expression must name a time within the next hundred years that the clocks of its time zone do not skip. */
      cron: string
      /**
       * @description The IANA time zone of the expression.
       * @default UTC
       */
      timeZone?: string
      /**
       * @description With `skip` the schedule submits a new task only if its previous task has ended.
       * @default allow
       * @enum {string}
       */
      overlap?: 'allow' | 'skip'
      /** @default false */
      paused?: boolean
      task: components['schemas']['TaskRequest']
    }
    Schedule: {
      name: string
      /** @description A number that increases with each change of the schedule. */
      version: number
      cron: string
      timeZone: string
      /** @enum {string} */
      overlap: 'allow' | 'skip'
      paused: boolean
      task: components['schemas']['TaskRequest']
      updatedAt: string
      /** @description The next time at which the schedule submits its task; absent if the schedule is paused or has no further time. */
      nextAt?: string
      lastTickAt?: string
      /** @description The id of the last task that the schedule submitted. */
      lastTaskId?: string
      /** @description Whether the schedule skipped its last submission because the previous task was still unfinished. */
      lastSkipped?: boolean
    }
    TaskText: {
      /** @description The number of the attempt; absent if the text is empty. */
      attempt?: number
      node?: string
      /** @description The number of the run; the frames `delta` of the stream contain the same number. */
      seq?: number
      /** @description How many characters of the attempt are before `text`. */
      offset: number
      text: string
    }
    ScheduleTicks: {
      /** @description The next ticks (times of submission), earliest first; the list is empty while the schedule is paused. */
      next: string[]
      /** @description The last ticks (times of submission), newest first. */
      last: {
        at: string
        /** @description Whether the schedule skipped this time because its previous task was still unfinished. */
        skipped: boolean
        taskId?: string
        state?: components['schemas']['TaskState']
      }[]
      /** @description The last runs that clients asked for, newest first, at most ten; they change no tick. */
      manual: {
        at: string
        taskId: string
        state?: components['schemas']['TaskState']
        /** @description The key that asked for the run; absent on a gateway without keys. */
        by?: string
      }[]
    }
    ScheduleList: {
      schedules: components['schemas']['Schedule'][]
      /** @description The cursor of the next page; absent on the last page. */
      nextCursor?: string
    }
    /** @description The last stored choice of a node for the task. */
    Placement: {
      node: string
      reason: string
      /** @description The load balancer that chose the node. */
      by: string
      atMs: number
      /** @description The number of nodes among which the load balancer chose. */
      considered: number
    }
    TaskSummary: {
      id: string
      state: components['schemas']['TaskState']
      kind: components['schemas']['TaskKind']
      agent: string
      model: string
      priority: components['schemas']['Level']
      /** @description The beginning of the task's text. */
      preview: string
      createdAt: string
      updatedAt: string
      /** @description The time at which a load balancer gave the last attempt to its node; absent until an event of the attempt is stored. */
      startedAt?: string
      /** @description The time at which the task ended; absent for an unfinished task. */
      endedAt?: string
      seq: number
      attempt: number
      failures: number
      usage: components['schemas']['Usage']
      metadata?: components['schemas']['Metadata']
      /** @description The id of the task that started this task. */
      parentId?: string
      /** @description The id of the task that this task replays. */
      replayOf?: string
      waitingFor?: components['schemas']['Waiting']
      node?: string
      error?: components['schemas']['TaskError']
    }
    AgentVersions: {
      versions: components['schemas']['Agent'][]
    }
    Model: {
      name: string
      /** @description The number of nodes that serve the model. */
      nodes: number
    }
    ModelList: {
      models: components['schemas']['Model'][]
    }
    GoalPage: {
      goals: components['schemas']['TaskSummary'][]
      /** @description How many stored tasks the gateway examined for this page. */
      scanned: number
      /** @description The cursor of the next page; absent on the last page. */
      nextCursor?: string
      /** @description The time before which ended tasks are no longer stored; only the last page has `keptFrom`. */
      keptFrom?: string
    }
    SchedulePreviewRequest: {
      cron: string
      /** @default UTC */
      timeZone?: string
      /**
       * @description The number of times (ticks) to compute.
       * @default 5
       */
      count?: number
    }
    SchedulePreview: {
      ticks: string[]
    }
    /**
     * @description A client submits a task of the kind `task` or `goal`; another task starts a `child`, for example as a step of a goal.
     * @enum {string}
     */
    TaskKind: 'task' | 'goal' | 'child'
    /** @enum {string} */
    WaitingKind: 'dependencies' | 'time' | 'approval' | 'children'
    FilterName: string
    FilterErrorCode: string
    FilterText: string
    /** @description The keys and values that the metadata of a task must contain. */
    FilterMetadata: {
      [key: string]: string
    }
    TimeOrDay: string
    /**
     * @default state
     * @enum {string}
     */
    CountGroup: 'state' | 'agent' | 'model' | 'priority' | 'errorCode' | 'node'
    TaskCounts: {
      /** @description The time at which the gateway counted the tasks. */
      at: string
      groupBy: components['schemas']['CountGroup']
      /** @description False if the gateway did not count all tasks, or if it could not find out which queued tasks already run. */
      exact: boolean
      /** @description How many tasks the gateway examined one by one. */
      scanned: number
      /** @description How many of the `queued` tasks may already run, because the gateway looked up only some of them; absent if there is no such task. The other counts, and the sum of `queued` and `running`, are exact. */
      unsplit?: number
      groups: components['schemas']['TaskCount'][]
    }
    TaskCount: {
      key: string
      count: number
    }
    BulkCancelRequest: {
      /** @description The ids of the tasks; send either `taskIds` or filters. */
      taskIds?: string[]
      /** @description Cancel only tasks in these states. Default: all states of unfinished tasks. */
      state?: ('waiting' | 'queued' | 'running' | 'retrying')[]
      agent?: components['schemas']['FilterName']
      model?: components['schemas']['FilterName']
      priority?: components['schemas']['Level']
      node?: components['schemas']['FilterName']
      errorCode?: components['schemas']['FilterErrorCode']
      waitingKind?: components['schemas']['WaitingKind']
      kind?: components['schemas']['TaskKind']
      parentId?: components['schemas']['FilterName']
      replayOf?: components['schemas']['FilterName']
      metadata?: components['schemas']['FilterMetadata']
      q?: components['schemas']['FilterText']
      createdAfter?: components['schemas']['TimeOrDay']
      createdBefore?: components['schemas']['TimeOrDay']
      /** @description Why you cancel the tasks; the reason becomes the error message of each cancelled task. */
      reason?: string
      /**
       * @description With `true` the gateway cancels nothing and answers with the tasks that match.
       * @default false
       */
      dryRun?: boolean
      /**
       * @description The largest number of tasks that this request cancels.
       * @default 1000
       */
      limit?: number
      /** @description The `nextCursor` of the previous answer; send it with the same filters. */
      cursor?: string
    }
    BulkCancelPage: {
      dryRun: boolean
      /** @description The number of tasks of this page that match the filters, or that `taskIds` names. */
      matched: number
      /** @description The number of matching tasks that are cancelled now; 0 for a dry run. */
      cancelled: number
      /** @description How many stored tasks the gateway looked at. */
      scanned: number
      /** @description The ids of the tasks that match. */
      taskIds: string[]
      failed: components['schemas']['CancelFailure'][]
      /** @description The cursor of the next page; absent when the gateway has examined every task. */
      nextCursor?: string
    }
    CancelFailure: {
      taskId: string
      problem: components['schemas']['Problem']
    }
    TaskPage: {
      /** @description How many stored tasks the gateway examined for this page. */
      scanned: number
      tasks: components['schemas']['TaskSummary'][]
      /** @description The cursor of the next page; absent on the last page. */
      nextCursor?: string
      /** @description The time before which ended tasks are no longer stored; only the last page has `keptFrom`. */
      keptFrom?: string
    }
    /** @enum {string} */
    EventType:
      | 'submitted'
      | 'attempt-started'
      | 'call-finished'
      | 'attempt-failed'
      | 'released'
      | 'paused'
      | 'resumed'
      | 'spawned'
      | 'completed'
      | 'failed'
      | 'cancelled'
    JournaledCall: {
      step: number
      /** @enum {string} */
      kind: 'llm' | 'tool'
      name: string
      /** @description The answer of the call; absent if the request has `omit=output`. */
      output?: unknown
      usage: components['schemas']['Usage']
      by?: components['schemas']['CalledBy']
      times?: components['schemas']['CallTimes']
    }
    /** @description The times of a call; the call ended at the time of the event that contains it. Calls that an older release recorded have no times. */
    CallTimes: {
      /** @description The time at which the run requested the call, in milliseconds since the Unix epoch. */
      startedAtMs: number
      /** @description How long the call waited for the limits of the provider; absent if the call did not wait. */
      waitedMs?: number
      /** @description The time from the request to the first token of the answer. Only calls to a model have `firstTokenMs`. */
      firstTokenMs?: number
    }
    /**
     * @description One stored event. Every event has the fields `type` and `atMs`. Most types of events have more fields:
     *
     *     - An event `attempt-started` has the fields `attempt` and `node`.
     *     - An event `call-finished` has the fields `attempt` and `call`.
     *     - An event `attempt-failed` has the fields `attempt`, `node`, `error` and `retryAtMs`.
     *     - An event `completed` has the fields `attempt`, `node`, `result` and `usage`, and the fields `by` and
     *       `lastCall` of the last call.
     *     - An event `failed` has the fields `attempt` and `error`. An event `failed` also has `node` if a node ran
     *       the attempt, and `result` if a budget ran out after a first result.
     *     - The events `cancelled` and `released` have the field `reason`.
     *     - An event `paused` has the fields `attempt` and `wait`.
     *     - An event `resumed` has the fields `reason` and `approval`.
     *     - An event `spawned` has the fields `attempt`, `step` and `children`.
     *
     *     The first event of an attempt has `placement`, whose `atMs` is the time at which the node got the task.
     */
    Event: {
      type: components['schemas']['EventType']
      /** @description Milliseconds since the Unix epoch. */
      atMs: number
      attempt?: number
      node?: string
      call?: components['schemas']['JournaledCall']
      error?: components['schemas']['TaskError']
      retryAtMs?: number
      result?: unknown
      usage?: components['schemas']['Usage']
      by?: components['schemas']['CalledBy']
      lastCall?: components['schemas']['CallTimes']
      reason?: string
      placement?: components['schemas']['Placement']
      wait?: components['schemas']['Waiting']
      approval?: components['schemas']['Approval']
      step?: number
      children?: string[]
    }
    /** @description A stored event and its sequence. */
    HistoryEvent: {
      seq: number
      type: components['schemas']['EventType']
      atMs: number
      attempt?: number
      node?: string
      call?: components['schemas']['JournaledCall']
      error?: components['schemas']['TaskError']
      retryAtMs?: number
      result?: unknown
      usage?: components['schemas']['Usage']
      by?: components['schemas']['CalledBy']
      lastCall?: components['schemas']['CallTimes']
      reason?: string
      placement?: components['schemas']['Placement']
      wait?: components['schemas']['Waiting']
      approval?: components['schemas']['Approval']
      step?: number
      children?: string[]
    }
    TaskHistory: {
      events: components['schemas']['HistoryEvent'][]
      /** @description Present if more events may follow: send the request again with `nextAfter` as `after`. */
      nextAfter?: number
    }
    /** @description A text, or its beginning if the text is too long for the answer. */
    CallText: {
      text: string
      /** @description The size of the whole text in bytes (UTF-8). */
      bytes: number
      /**
       * @description Present if `text` is only the beginning of the whole text.
       * @enum {boolean}
       */
      cut?: true
    }
    /** @description A tool call that a model requested. */
    RequestedCall: {
      /** @description The step of the tool call. */
      step: number
      name: string
      /** @description The arguments as the model wrote them. */
      arguments: components['schemas']['CallText']
    }
    CallMessage: {
      /** @enum {string} */
      role: 'system' | 'user' | 'assistant' | 'tool'
      /** @description The step of the call whose result the message contains, or to which the message replies; absent for the two messages that contain the task. */
      step?: number
      /** @description The text of the message; absent if the log does not store the text. */
      content?: components['schemas']['CallText']
      toolCalls?: components['schemas']['RequestedCall'][]
    }
    TaskCall: {
      taskId: string
      step: number
      /** @enum {string} */
      kind: 'llm' | 'tool'
      /** @description The name of the model or of the tool. */
      name: string
      /** @description The sequence of the event that stores the call. */
      seq?: number
      attempt?: number
      /** @description The node that ran the attempt; absent if no event of the attempt names its node. */
      node?: string
      /** @description The ended task that made and paid for the call; present if your task continues from the calls of this task. A reused call has no `seq`, `attempt`, `node` and `endedAtMs`. */
      replayedFrom?: string
      /** @description The time at which the call was reported, in milliseconds since the Unix epoch. */
      endedAtMs?: number
      usage: components['schemas']['Usage']
      by?: components['schemas']['CalledBy']
      times?: components['schemas']['CallTimes']
      /** @description The messages that the model got, oldest first. Only calls to a model have `messages`. */
      messages?: components['schemas']['CallMessage'][]
      /** @description The step of the call to a model that requested this tool call. */
      askedBy?: number
      /** @description The arguments of a tool call as the model wrote them. */
      arguments?: components['schemas']['CallText']
      /** @description The text of the answer. If the task has a `responseSchema`, the text of its last call is the result as JSON. */
      output: components['schemas']['CallText']
      /** @description Whether the tool reported an error to the model. Only tool calls have `error`. */
      error?: boolean
      /** @description The tool calls that the model requested. */
      toolCalls?: components['schemas']['RequestedCall'][]
    }
    Fleet: {
      status: components['schemas']['FleetStatus']
      /** @description A sentence for people that says why the fleet has this status. */
      explanation: string
      /** @description When the health monitor took the snapshot. */
      observedAt?: string
      /** @description The health monitor that took the snapshot. */
      monitor?: string
      /** @description The number of tasks of all tenants that wait for a node. */
      queued: number
      /** @description The number of tasks of all tenants that nodes have taken. */
      running: number
      /** @description How long the oldest of your queued tasks has waited for a node. `oldestWaitingMs` is 0 if none of your tasks waits, and it is missing while Redis does not answer the gateway. */
      oldestWaitingMs?: number
      /** @description The cost of your tasks today (UTC); missing if no model that they called has a price, and while Redis does not answer the gateway. */
      costTodayUsd?: number
      /** @description How many LLM calls your tasks made today (UTC), with or without a price; missing while Redis does not answer the gateway. */
      llmCallsToday?: number
      /** @description How many of `llmCallsToday` called a model that has no price; `costTodayUsd` does not include them. */
      unpricedCallsToday?: number
      nodes: components['schemas']['Node'][]
      /** @description The figures of the nodes if the request has `nodes=columns`. */
      nodeColumns?: components['schemas']['NodeColumns']
      /** @description The load balancers that have announced themselves on the bus in the last 1.6 seconds. */
      balancers: components['schemas']['Balancer'][]
      /** @description The state of each provider model that the nodes have called recently. Each node keeps its own circuit breaker and learned facts; `providers` combines the reports of all nodes. */
      providers: components['schemas']['ProviderModel'][]
      /** @description Sums and means over all nodes; absent if the health monitor does not report them. */
      totals?: components['schemas']['Totals']
      /** @description The totals of the fleet in the last hour, oldest first. */
      history: components['schemas']['Totals'][]
    }
    ProviderModel: {
      provider: string
      model: string
      /** @description The number of nodes that have called the model recently. */
      nodes: number
      /** @description The number of calls to the model that the nodes have made since they started. */
      calls: number
      /**
       * @description The worst state that the circuit breaker of the model has on any node.
       * @enum {string}
       */
      breaker: 'closed' | 'open' | 'probing'
      /** @description For how many milliseconds the nodes still send no calls to the model, at most five minutes; 0 while calls are allowed. Calls pause because the provider asked for a pause, for example with `Retry-After`, or because its circuit breaker is open. */
      closedForMs: number
      /**
       * @description The limits of the key with which the nodes call the provider, as far as they know them; models of one
       *     provider share them. It is missing if no limit is known and no call is held up.
       */
      keyLimits?: {
        /** @description The limit of requests a minute, from `PROVIDERS` or from the answers of the provider. */
        requestsPerMinute?: number
        tokensPerMinute?: number
        /**
         * @description The requests that the fleet may begin at once. It grows evenly up to half a second of the limit,
         *     and is below zero while calls have a grant for a moment in the near future. It is missing until
         *     the first call, and while Redis does not answer.
         */
        requestsLeft?: number
        tokensLeft?: number
        /** @description For how many milliseconds no node calls the provider, because the provider asked for a pause. */
        closedForMs: number
        /** @description The number of calls that wait for the limits, on all nodes. */
        waiting: number
      }
      /** @description Facts that nodes have learned from refusals of the provider, such as `streamOptions=false`. */
      learned: string[]
      lastError?: {
        /** @description The kind of failure, such as `status 429` or `timeout`. */
        kind: string
        agoMs: number
      }
      /** @description The mean time to the first token of an answer, in milliseconds. */
      firstTokenMs?: number
      /** @description The mean speed of an answer after its first token, in tokens per second. */
      tokensPerSecond?: number
    }
    Balancer: {
      id: string
      /** @description Whether the load balancer can send a task to a node at once. */
      room: boolean
      heardAgoMs: number
    }
    Totals: {
      atMs: number
      activeNodes: number
      slots: number
      running: number
      queued: number
      cpu: number
      memory: number
      responseMs: number
      completed: number
      failed: number
    }
    /** @enum {string} */
    ServiceName:
      | 'gateway'
      | 'coordinator'
      | 'load-balancer'
      | 'worker'
      | 'health-monitor'
      | 'autoscaler'
      | 'recovery'
    /** @description Figures are numbers, names and booleans; they never contain the text of a task. */
    Figures: {
      [key: string]: number | string | boolean
    }
    Choice: {
      kind: string
      reason: string
      figures: components['schemas']['Figures']
    }
    /** @description The question to the adviser, its answer, and whether the service used the answer. */
    Advice: {
      /** @enum {string} */
      mode: 'shadow' | 'on'
      /** @enum {string} */
      outcome:
        | 'applied'
        | 'followed-policy'
        | 'shadow'
        | 'expired'
        | 'invalid'
        | 'timeout'
        | 'refused'
        | 'over-budget'
        | 'circuit-open'
        | 'provider-failed'
        | 'cancelled'
        | 'pending'
      model: string
      stateHash: string
      cached: boolean
      askedAtMs: number
      tookMs: number
      costUsd: number
      /** @description The answer of the adviser, after the service has validated it and limited its values to the allowed range. */
      answer?: components['schemas']['Figures']
      /** @description The values that were out of bounds, and the bounds that replaced them. */
      clamped: {
        field: string
        from?: unknown
        to?: unknown
      }[]
      /** @description The raw answer of the adviser; only operators see `raw`. */
      raw?: string
    }
    MeasuredOutcome: {
      afterMinutes: number
      atMs: number
      figures: components['schemas']['Figures']
    }
    /** @description What a control loop observed, its options, what it did and why, and the measured outcomes. */
    Decision: {
      id: string
      service: string
      /** @description The process that decided. */
      by: string
      kind: string
      reason: string
      atMs: number
      /** @description The node, task or deployment that the decision concerns. */
      about?: string
      inputs: components['schemas']['Figures']
      /** @description The options of the decision, best first. */
      options: components['schemas']['Choice'][]
      /** @description The choice that the deterministic policy would make without the adviser. */
      policy: components['schemas']['Choice']
      advice?: components['schemas']['Advice']
      /** @description Whether the service has carried out the decision. */
      acted: boolean
      driver?: string
      /** @description Figures of the fleet 1, 5 and 15 minutes after the decision. */
      outcomes: components['schemas']['MeasuredOutcome'][]
    }
    DecisionPage: {
      decisions: components['schemas']['Decision'][]
      /** @description The cursor of the next page; absent on the last page. */
      nextCursor?: string
    }
    /** @enum {string} */
    IncidentState: 'open' | 'closed'
    IncidentAnalysis: {
      /** @enum {string} */
      by: 'policy' | 'adviser'
      /** @enum {string} */
      action: 'restart' | 'replace' | 'investigate' | 'none'
      /** @enum {string} */
      strategy: 'spread' | 'hold-for-capacity' | 'exclude-task' | 'nothing-to-do'
      /** @enum {string} */
      impact: 'none' | 'low' | 'medium' | 'high'
      prevention: string[]
      reason: string
      atMs: number
      advice?: components['schemas']['Advice']
    }
    IncidentAction: {
      /** @enum {string} */
      kind: 'restart' | 'replace' | 'investigate' | 'quarantine' | 'none'
      reason: string
      driver: string
      startedAtMs: number
      endedAtMs?: number
      /** @enum {string} */
      outcome: 'done' | 'failed' | 'under-way' | 'not-needed'
    }
    IncidentOutcome: {
      /** @enum {string} */
      kind: 'recovered' | 'resumed' | 'unresolved'
      reason: string
      atMs: number
      figures: components['schemas']['Figures']
    }
    /** @description The failure of one node and its handling, stage by stage. */
    Incident: {
      id: string
      nodeId: string
      incarnation: number
      /** @description Why the health monitor declared the node dead. */
      reason: string
      state: components['schemas']['IncidentState']
      /** @description The recovery process that handles the incident. */
      by: string
      /** @description The machine on which the node ran, if the orchestrator knows it. */
      host?: string
      /** @description How long the process had run at its last heartbeat. */
      uptimeMs?: number
      silentMs: number
      detectedAtMs: number
      openedAtMs: number
      redistributedAtMs?: number
      /** @description The number of tasks that the node held. */
      tasks: number
      /** @description The number of the node's tasks that recovery returned to the queue. */
      redistributed: number
      /** @description The ids of some affected tasks; only operators see these ids. */
      taskIds?: string[]
      /** @description The ids of tasks that were running on several nodes when these nodes died; only operators see these ids. */
      suspectTasks?: string[]
      analysis?: components['schemas']['IncidentAnalysis']
      action?: components['schemas']['IncidentAction']
      outcome?: components['schemas']['IncidentOutcome']
    }
    IncidentPage: {
      incidents: components['schemas']['Incident'][]
      /** @description The cursor of the next page; absent on the last page. */
      nextCursor?: string
    }
    NodeDetail: {
      node: components['schemas']['Node']
      /** @description Your tasks that run on the node, newest first; empty, with `complete` false, if your key lacks the scope `tasks:read`. */
      tasks: components['schemas']['TaskSummary'][]
      /** @description How many stored tasks the gateway looked at. */
      scanned: number
      /** @description False if the list may be incomplete. */
      complete: boolean
    }
    Node: {
      id: string
      /**
       * @description `suspect`: the node's heartbeats are late. `stalled`: the node sends heartbeats but makes no progress, so the fleet asks it to drain. A suspect or stalled node gets no new tasks.
       * @enum {string}
       */
      state: 'alive' | 'suspect' | 'stalled' | 'dead'
      /** @description A number that the node increases when it starts and when it learns that it was declared dead. */
      incarnation: number
      slots: number
      /** @description The number of attempts that run on the node now. */
      active: number
      /** @description The number of tasks that the node has taken but not started. */
      queued: number
      /** @description The processor time that the node uses, in cores; 0.5 is half of one core. */
      cpu: number
      /** @description The used part of the memory limit of the node, from 0 to 1. */
      memory: number
      memoryBytes: number
      /** @description The 99th percentile of the event-loop delay, in milliseconds. */
      lagMs: number
      /** @description The mean duration of an attempt, in milliseconds. */
      responseMs: number
      completed: number
      failed: number
      draining: boolean
      startedAt: string
      /** @description The age of the node's last heartbeat when the snapshot was taken, in milliseconds. */
      heartbeatAgeMs: number
      /** @description Whether Consul lists the node as healthy; load balancers give tasks only to healthy nodes. `passing` is missing while the health monitor has no list from Consul. */
      passing?: boolean
    }
    /** @description The figures of all nodes, one list for each field of `Node`. Place `n` of every list belongs to the same node; the nodes are in the order of their ids. The other fields of a node are in `GET /v1/fleet/nodes/{id}`. */
    NodeColumns: {
      id: string[]
      state: ('alive' | 'suspect' | 'stalled' | 'dead')[]
      draining: boolean[]
      slots: number[]
      active: number[]
      queued: number[]
      cpu: number[]
      memory: number[]
      lagMs: number[]
      responseMs: number[]
      completed: number[]
      failed: number[]
      heartbeatAgeMs: number[]
    }
    Readiness: {
      ok: boolean
      reason?: string
      /** @description The names of the parts that do not work now. With `store-away` lists answer 503; with `log-full` new tasks answer 503; with `records-outdated` lists and counts show older states, because Redis takes no writes, or answer 503, because a coordinator writes all records again. With `keys-outdated` or `agents-outdated` the gateway misses keys or definitions of agents that were stored. The other names are `usage-away`, `discovery-away` and `callerLimits-away`. */
      degraded?: string[]
    }
    /** @description The name of a tenant. */
    TenantName: string
    /**
     * @description A right of a key; no scope includes another.
     * @enum {string}
     */
    Scope: 'tasks:read' | 'tasks:write' | 'tasks:approve' | 'agents:write' | 'fleet:read' | 'admin'
    /** @description The limits of the key; all gateways count its requests together. */
    KeyLimits: {
      requestsPerMinute?: number
      /** @description The largest number of requests and streams that are open at the same time. */
      concurrent?: number
    }
    /** @description The only agents that tasks of the key may use; without `agents` the tasks may use every agent. A task of a key with `agents` must name its agent and may contain neither `agentDefinition`, `systemPrompt` nor `tools`. You can define the agents later. The gateway refuses an empty list; for a key that may run no agent, omit the scope `tasks:write`. */
    KeyAgents: string[]
    KeyRequest: {
      /** @description What the key is for, on one line without control characters. */
      name: string
      tenant: components['schemas']['TenantName']
      scopes: components['schemas']['Scope'][]
      agents?: components['schemas']['KeyAgents']
      limits?: components['schemas']['KeyLimits']
      /**
       * Format: date-time
       * @description The time after which the key no longer works; by default the key works until it is revoked.
       */
      expiresAt?: string
    }
    KeyRotation: {
      /**
       * @description The number of seconds for which the old secret still works; with 0 the old secret stops working at once.
       * @default 86400
       */
      overlapSeconds?: number
    }
    /** @description A key of the API without its secret. */
    Key: {
      id: string
      name: string
      tenant: string
      scopes: components['schemas']['Scope'][]
      agents?: components['schemas']['KeyAgents']
      limits?: components['schemas']['KeyLimits']
      /** @enum {string} */
      state: 'active' | 'expired' | 'revoked'
      createdAt: string
      /** @description The id of the key that made this key. */
      createdBy: string
      expiresAt?: string
      revokedAt?: string
      /** @description The time until which the old secret works after a rotation. */
      formerSecretUntil?: string
    }
    /** @description A key with its secret, which no later answer shows. */
    KeyCreated: {
      id: string
      name: string
      tenant: string
      scopes: components['schemas']['Scope'][]
      agents?: components['schemas']['KeyAgents']
      limits?: components['schemas']['KeyLimits']
      /** @enum {string} */
      state: 'active' | 'expired' | 'revoked'
      createdAt: string
      /** @description The id of the key that made this key. */
      createdBy: string
      expiresAt?: string
      revokedAt?: string
      /** @description The time until which the old secret works after a rotation. */
      formerSecretUntil?: string
      /** @description The key; send it as `Authorization: Bearer <key>`. */
      key: string
    }
    KeyPage: {
      keys: components['schemas']['Key'][]
      nextCursor?: string
    }
    /** @description The caller of the request. */
    Me: {
      /** @description The name of the key in logs and in the audit log. */
      keyId: string
      tenant: string
      scopes: components['schemas']['Scope'][]
      agents?: components['schemas']['KeyAgents']
      limits?: components['schemas']['KeyLimits']
      expiresAt?: string
    }
    /** @description A ticket for one stream. */
    Ticket: {
      ticket: string
      expiresAt: string
    }
    /** @description A change through the API, a change whose outcome is unknown, or several equal refused requests within one second. */
    AuditEvent: {
      /** @description The position in the audit log. */
      seq: number
      at: string
      /** @enum {string} */
      kind: 'change' | 'unknown' | 'refusal'
      /** @description The `operationId` of the request; `others` means several operations together, because one second had too many different refusals. */
      operation: string
      /** @description The key of the request; absent if the gateway did not recognise a key. */
      keyId?: string
      tenant?: string
      /** @description The task, agent, schedule or key that was or may have been changed, by its id or name. */
      target?: string
      /** @description The remote address of the connection. */
      address?: string
      status: number
      /** @description The code of a refusal, or of the error that left the outcome unknown. */
      code?: string
      /** @description The number of equal requests that this event combines. */
      count: number
    }
    AuditPage: {
      events: components['schemas']['AuditEvent'][]
      nextCursor?: string
    }
    Problem: {
      type: string
      title: string
      status: number
      /** @description What is wrong with the request, and what the client can do. */
      detail: string
      /** @description The stable code for programs. */
      code: string
      /** @description The wrong fields of the request. */
      errors?: components['schemas']['FieldError'][]
    }
    FieldError: {
      /** @description The JSON pointer of the field in the body, or the name of the parameter or header. */
      pointer: string
      detail: string
    }
    /** @description A frame that a client sends. */
    ClientFrame:
      | components['schemas']['SubscribeFrame']
      | components['schemas']['SubscribeAllFrame']
      | components['schemas']['SubscribeFleetFrame']
      | components['schemas']['SubscribeStatsFrame']
      | components['schemas']['UnsubscribeFrame']
      | components['schemas']['UnsubscribeFleetFrame']
      | components['schemas']['UnsubscribeStatsFrame']
      | components['schemas']['PingFrame']
    SubscribeFrame: {
      /** @constant */
      type: 'subscribe'
      taskIds: string[]
      /** @description The stream sends only events with a higher sequence. One number applies to all tasks; an object has one number for each task id. Default: 0. */
      after?:
        | number
        | {
            [key: string]: number
          }
      /** @description Whether the stream also sends text while the model writes it (deltas). */
      deltas?: boolean
    }
    /** @description Follow every event of all your tasks from now on, without history and without deltas. */
    SubscribeAllFrame: {
      /** @constant */
      type: 'subscribe'
      /** @constant */
      all: true
    }
    /** @enum {string} */
    FleetTopic: 'decisions' | 'incidents' | 'nodes'
    /** @description Follow every decision or incident from now on; `GET /v1/decisions` and `GET /v1/incidents` list earlier decisions and incidents. With the topic `nodes` the stream sends all nodes first, then the nodes that have changed. */
    SubscribeFleetFrame: {
      /** @constant */
      type: 'subscribe'
      fleet: components['schemas']['FleetTopic'][]
    }
    /** @description Follow the numbers of your tasks and of the fleet: one frame a second, which holds all numbers. */
    SubscribeStatsFrame: {
      /** @constant */
      type: 'subscribe'
      /** @constant */
      stats: true
    }
    UnsubscribeStatsFrame: {
      /** @constant */
      type: 'unsubscribe'
      /** @constant */
      stats: true
    }
    UnsubscribeFleetFrame: {
      /** @constant */
      type: 'unsubscribe'
      fleet: components['schemas']['FleetTopic'][]
    }
    UnsubscribeFrame: {
      /** @constant */
      type: 'unsubscribe'
      taskIds: string[]
    }
    PingFrame: {
      /** @constant */
      type: 'ping'
    }
    /** @description A frame that the gateway sends. */
    ServerFrame:
      | components['schemas']['EventFrame']
      | components['schemas']['DeltaFrame']
      | components['schemas']['DecisionFrame']
      | components['schemas']['IncidentFrame']
      | components['schemas']['StatsFrame']
      | components['schemas']['NodesFrame']
      | components['schemas']['SubscribedFrame']
      | components['schemas']['ErrorFrame']
      | components['schemas']['PongFrame']
    EventFrame: {
      /** @constant */
      type: 'event'
      taskId: string
      seq: number
      event: components['schemas']['Event']
    }
    /** @description A piece of text that a running attempt writes. If a later attempt starts, discard the text of earlier attempts. */
    DeltaFrame: {
      /** @constant */
      type: 'delta'
      taskId: string
      attempt: number
      node: string
      /** @description The fencing token of the run. */
      seq: number
      /** @description The number of characters that this attempt wrote before this piece. */
      offset: number
      /** @enum {string} */
      kind: 'started' | 'text' | 'tool'
      text: string
    }
    /** @description A control loop made a decision, or one of its outcomes was measured. */
    DecisionFrame: {
      /** @constant */
      type: 'decision'
      decision: components['schemas']['Decision']
    }
    /** @description An incident was opened or reached its next stage. */
    IncidentFrame: {
      /** @constant */
      type: 'incident'
      incident: components['schemas']['Incident']
    }
    /** @description The nodes that have changed since the previous frame, at most two frames a second. If a client reads slowly, the gateway omits some frames with changed nodes and later sends one frame with all nodes. */
    NodesFrame: {
      /** @constant */
      type: 'nodes'
      /** @description When the health monitor observed the nodes. */
      at: string
      /** @description True if the frame lists every node; the client removes all nodes that are not in the frame. */
      all: boolean
      nodes: components['schemas']['Node'][]
      /** @description The ids of nodes that the fleet no longer has. */
      gone: string[]
    }
    /** @description A frame with all numbers at one time, which replaces the previous frame. The gateway sends fewer frames with numbers to a client that reads slowly. */
    StatsFrame: {
      /** @constant */
      type: 'stats'
      at: string
      tasks?: components['schemas']['TaskStats']
      fleet: components['schemas']['FleetStats']
    }
    /** @description The number of your stored tasks in each state; absent while Redis does not answer. */
    TaskStats: {
      /** @description False if so many tasks are queued that the gateway could not find out which of them already run. */
      exact: boolean
      /** @description How many of the `queued` tasks may already run, because the gateway looked up only some of them; absent if there is no such task. The other counts, and the sum of `queued` and `running`, are exact. */
      unsplit?: number
      waiting: number
      queued: number
      running: number
      retrying: number
      completed: number
      failed: number
      cancelled: number
    }
    /**
     * @description Whether work flows. `degraded` means that nodes take tasks, but other nodes are not alive.
     * @enum {string}
     */
    FleetStatus: 'ok' | 'degraded' | 'no-available-nodes' | 'unknown'
    FleetStats: {
      status: components['schemas']['FleetStatus']
      /** @description The number of queued tasks of all tenants. */
      queued: number
      /** @description The number of running tasks of all tenants. */
      running: number
      /** @description The number of slots of the nodes that can take tasks. */
      slots: number
      /** @description The number of slots in use on the nodes that can take tasks. */
      active: number
      nodes: components['schemas']['NodeStats']
    }
    /** @description The number of nodes in each state; a draining node counts in its state and in `draining`. */
    NodeStats: {
      alive: number
      suspect: number
      stalled: number
      dead: number
      draining: number
    }
    /** @description The gateway has accepted the subscription. If the frame has `taskIds`, the gateway has replayed the history of these tasks. With `all` the gateway sends the events of all your tasks from now on; with `fleet` the gateway sends decisions or incidents from now on. */
    SubscribedFrame: {
      /** @constant */
      type: 'subscribed'
      taskIds?: string[]
      /** @description The tasks in `taskIds` that have ended and send no more events. */
      ended?: string[]
      all?: boolean
      stats?: boolean
      fleet?: components['schemas']['FleetTopic'][]
    }
    ErrorFrame: {
      /** @constant */
      type: 'error'
      code: string
      detail: string
      taskId?: string
    }
    PongFrame: {
      /** @constant */
      type: 'pong'
    }
  }
  responses: {
    /** @description The request failed: `detail` says why and what to do. If the answer has a `Retry-After` header, you may send the same request again after that many seconds. */
    Problem: {
      headers: {
        /** @description Seconds after which you may send the same request again. */
        'Retry-After'?: string
        /** @description The same time in milliseconds; `Retry-After` is this time, rounded up to whole seconds. */
        'retry-after-ms'?: string
        [name: string]: unknown
      }
      content: {
        'application/problem+json': components['schemas']['Problem']
      }
    }
  }
  parameters: {
    /** @description The id of the task. */
    TaskId: string
    /** @description The name of the agent. */
    AgentName: string
    /** @description The `ETag` of the version that you change. If the definition or schedule is in another version, the gateway answers `412`. */
    IfMatch: string
    /** @description The id of the node. */
    NodeId: string
    /** @description The id of the decision or incident. */
    RecordId: string
    /** @description The id of the key. */
    KeyId: string
    /** @description Return only tasks in these states. Repeat the parameter for several states. */
    FilterState: components['schemas']['TaskState'][]
    /** @description Return only tasks of this agent. */
    FilterAgent: components['schemas']['FilterName']
    /** @description Return only tasks with this model. */
    FilterModel: components['schemas']['FilterName']
    /** @description Return only tasks with this priority. */
    FilterPriority: components['schemas']['Level']
    /** @description Return only tasks whose last attempt is or was on this node. */
    FilterNode: components['schemas']['FilterName']
    /** @description Return only tasks whose last error has this code. If you omit `state`, the gateway returns only failed tasks. */
    FilterErrorCode: components['schemas']['FilterErrorCode']
    /** @description Return only tasks whose `waitingFor` has this kind. */
    FilterWaitingKind: components['schemas']['WaitingKind']
    /** @description Return only tasks, only goals, or only children. */
    FilterKind: components['schemas']['TaskKind']
    /** @description Return only tasks that this task has started (its children). */
    FilterParent: components['schemas']['FilterName']
    /** @description Return only replays of this task. */
    FilterReplayOf: components['schemas']['FilterName']
    /** @description Return only tasks with this `key=value` in their metadata. Repeat the parameter for up to four pairs of key and value. The filter does not find a task above 8 kB whose metadata exceeds 512 characters. */
    FilterMetadata: string[]
    /** @description Return only tasks whose id begins with this text, or whose text contains each of these words in its first 160 characters. */
    FilterText: components['schemas']['FilterText']
    /** @description Return only tasks submitted at or after this time (RFC 3339) or day. */
    FilterCreatedAfter: components['schemas']['TimeOrDay']
    /** @description Return only tasks submitted before this time (RFC 3339) or day. */
    FilterCreatedBefore: components['schemas']['TimeOrDay']
    /** @description Return only tasks that ended at or after this time (RFC 3339) or day. */
    FilterEndedAfter: components['schemas']['TimeOrDay']
    /** @description Return only tasks that ended before this time (RFC 3339) or day. */
    FilterEndedBefore: components['schemas']['TimeOrDay']
    /** @description The largest number of entries in the answer. */
    Limit: number
    /** @description The `nextCursor` of the previous page; send it with the same filters. */
    Cursor: string
  }
  requestBodies: never
  headers: never
  pathItems: never
}
export interface operations {
  listTasks: {
    parameters: {
      query?: {
        /** @description Return only tasks in these states. Repeat the parameter for several states. */
        state?: components['parameters']['FilterState']
        /** @description Return only tasks of this agent. */
        agent?: components['parameters']['FilterAgent']
        /** @description Return only tasks with this model. */
        model?: components['parameters']['FilterModel']
        /** @description Return only tasks with this priority. */
        priority?: components['parameters']['FilterPriority']
        /** @description Return only tasks whose last attempt is or was on this node. */
        node?: components['parameters']['FilterNode']
        /** @description Return only tasks whose last error has this code. If you omit `state`, the gateway returns only failed tasks. */
        errorCode?: components['parameters']['FilterErrorCode']
        /** @description Return only tasks whose `waitingFor` has this kind. */
        waitingKind?: components['parameters']['FilterWaitingKind']
        /** @description Return only tasks, only goals, or only children. */
        kind?: components['parameters']['FilterKind']
        /** @description Return only tasks that this task has started (its children). */
        parentId?: components['parameters']['FilterParent']
        /** @description Return only replays of this task. */
        replayOf?: components['parameters']['FilterReplayOf']
        /** @description Return only tasks with this `key=value` in their metadata. Repeat the parameter for up to four pairs of key and value. The filter does not find a task above 8 kB whose metadata exceeds 512 characters. */
        metadata?: components['parameters']['FilterMetadata']
        /** @description Return only tasks whose id begins with this text, or whose text contains each of these words in its first 160 characters. */
        q?: components['parameters']['FilterText']
        /** @description Return only tasks submitted at or after this time (RFC 3339) or day. */
        createdAfter?: components['parameters']['FilterCreatedAfter']
        /** @description Return only tasks submitted before this time (RFC 3339) or day. */
        createdBefore?: components['parameters']['FilterCreatedBefore']
        /** @description Return only tasks that ended at or after this time (RFC 3339) or day. */
        endedAfter?: components['parameters']['FilterEndedAfter']
        /** @description Return only tasks that ended before this time (RFC 3339) or day. */
        endedBefore?: components['parameters']['FilterEndedBefore']
        /** @description The order of the list by time of submission. */
        order?: 'newest' | 'oldest'
        /** @description The largest number of entries in the answer. */
        limit?: components['parameters']['Limit']
        /** @description The `nextCursor` of the previous page; send it with the same filters. */
        cursor?: components['parameters']['Cursor']
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description One page of tasks. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['TaskPage']
        }
      }
      default: components['responses']['Problem']
    }
  }
  countTasks: {
    parameters: {
      query?: {
        /** @description The property by whose values the gateway groups the tasks. */
        groupBy?: components['schemas']['CountGroup']
        /** @description Return only tasks in these states. Repeat the parameter for several states. */
        state?: components['parameters']['FilterState']
        /** @description Return only tasks of this agent. */
        agent?: components['parameters']['FilterAgent']
        /** @description Return only tasks with this model. */
        model?: components['parameters']['FilterModel']
        /** @description Return only tasks with this priority. */
        priority?: components['parameters']['FilterPriority']
        /** @description Return only tasks whose last attempt is or was on this node. */
        node?: components['parameters']['FilterNode']
        /** @description Return only tasks whose last error has this code. If you omit `state`, the gateway returns only failed tasks. */
        errorCode?: components['parameters']['FilterErrorCode']
        /** @description Return only tasks whose `waitingFor` has this kind. */
        waitingKind?: components['parameters']['FilterWaitingKind']
        /** @description Return only tasks, only goals, or only children. */
        kind?: components['parameters']['FilterKind']
        /** @description Return only tasks that this task has started (its children). */
        parentId?: components['parameters']['FilterParent']
        /** @description Return only replays of this task. */
        replayOf?: components['parameters']['FilterReplayOf']
        /** @description Return only tasks with this `key=value` in their metadata. Repeat the parameter for up to four pairs of key and value. The filter does not find a task above 8 kB whose metadata exceeds 512 characters. */
        metadata?: components['parameters']['FilterMetadata']
        /** @description Return only tasks whose id begins with this text, or whose text contains each of these words in its first 160 characters. */
        q?: components['parameters']['FilterText']
        /** @description Return only tasks submitted at or after this time (RFC 3339) or day. */
        createdAfter?: components['parameters']['FilterCreatedAfter']
        /** @description Return only tasks submitted before this time (RFC 3339) or day. */
        createdBefore?: components['parameters']['FilterCreatedBefore']
        /** @description Return only tasks that ended at or after this time (RFC 3339) or day. */
        endedAfter?: components['parameters']['FilterEndedAfter']
        /** @description Return only tasks that ended before this time (RFC 3339) or day. */
        endedBefore?: components['parameters']['FilterEndedBefore']
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The number of tasks in each group, the largest group first. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['TaskCounts']
        }
      }
      default: components['responses']['Problem']
    }
  }
  getTaskEvents: {
    parameters: {
      query?: {
        /** @description Return only events whose `seq` is higher than this number. */
        after?: number
        /** @description The largest number of events in the answer. */
        limit?: number
        /** @description Return only events of these types. Repeat the parameter for several types. */
        types?: components['schemas']['EventType'][]
        /** @description With `output` the response omits the answers of the calls and the result of the task, because they may be large. */
        omit?: 'output'[]
      }
      header?: never
      path: {
        /** @description The id of the task. */
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The events, oldest first. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['TaskHistory']
        }
      }
      default: components['responses']['Problem']
    }
  }
  getUsage: {
    parameters: {
      query?: {
        /** @description The first day (UTC). Default: 29 days before `to`. */
        from?: string
        /** @description The last day (UTC). Default: today. */
        to?: string
        /** @description `fleet` returns the usage of all tenants together; only operators and keys with the scope `admin` may ask for it. */
        scope?: 'tenant' | 'fleet'
        /** @description With `hour`, each day also lists its hours (UTC); the figures of an hour cover all models together. With `agent`, each day also lists the agents of the tasks; the figures of an agent cover all models together. With `metadata.KEY`, such as `metadata.project`, each day also lists the values that the tasks have for this metadata key; the operator names the keys in `USAGE_METADATA_KEYS`, and `metadataKeys` in the answer lists them. With `tenant` and `scope=fleet`, each day also lists the tenants. */
        groupBy?: string
        /** @description How many groups the answer has at most; needs `groupBy` with `agent`, `tenant` or `metadata.KEY`. The answer then has `groups`, the groups with the highest cost of all days together, and `others`, the sum of the further groups. The days do not list their groups, so the size of the answer does not grow with the groups. Without `top` each day lists up to 1,001 groups. */
        top?: number
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The usage. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['UsageReport']
        }
      }
      default: components['responses']['Problem']
    }
  }
  getStats: {
    parameters: {
      query?: {
        /** @description The beginning of the first step (RFC 3339). Default: 60 steps before `to`. */
        from?: components['schemas']['TimeOrDay']
        /** @description The end of the last step (RFC 3339). Default: now. */
        to?: components['schemas']['TimeOrDay']
        /** @description The length of a step. One answer has at most 1,440 steps, or 360 with `groupBy`. */
        step?: '10s' | '1m' | '1h'
        /** @description The property that splits the answer into several series. */
        groupBy?: 'agent' | 'model' | 'priority'
        /** @description Return only these figures of each step. Repeat the parameter for several figures. */
        series?: components['schemas']['StatsFigure'][]
        /** @description `fleet` returns the figures of all tenants together; only operators may ask for it. */
        scope?: 'tenant' | 'fleet'
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The series. Without `groupBy` the answer has one series, or none if nothing happened. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['TaskSeries']
        }
      }
      default: components['responses']['Problem']
    }
  }
  getFleet: {
    parameters: {
      query?: {
        /** @description Whether the answer includes the totals of the last hour. */
        history?: boolean
        /** @description With `columns`, `nodes` is empty and `nodeColumns` has the figures of the nodes, one list for each figure. This form has a third of the size and is for clients that show large fleets. */
        nodes?: 'list' | 'columns'
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The last snapshot. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Fleet']
        }
      }
      default: components['responses']['Problem']
    }
  }
  listDecisions: {
    parameters: {
      query?: {
        /** @description Return only decisions of this service. */
        service?: components['schemas']['ServiceName']
        /** @description Return only decisions of this kind, such as `scale-out`. */
        kind?: string
        /** @description Return only decisions about this node, task or deployment. */
        about?: string
        /** @description Return only decisions on which the service acted (`true`) or did not act (`false`). */
        acted?: boolean
        /** @description Return only decisions with a measured outcome (`true`) or without one (`false`). */
        measured?: boolean
        /** @description Return only decisions made at or after this time (RFC 3339) or day. */
        from?: components['schemas']['TimeOrDay']
        /** @description Return only decisions made before this time (RFC 3339) or day. */
        to?: components['schemas']['TimeOrDay']
        /** @description The largest number of entries in the answer. */
        limit?: components['parameters']['Limit']
        /** @description The `nextCursor` of the previous page; send it with the same filters. */
        cursor?: components['parameters']['Cursor']
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description One page of decisions. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['DecisionPage']
        }
      }
      default: components['responses']['Problem']
    }
  }
  listIncidents: {
    parameters: {
      query?: {
        /** @description Return only incidents in this state. */
        state?: components['schemas']['IncidentState']
        /** @description Return only incidents of this node. */
        node?: string
        /** @description The largest number of entries in the answer. */
        limit?: components['parameters']['Limit']
        /** @description The `nextCursor` of the previous page; send it with the same filters. */
        cursor?: components['parameters']['Cursor']
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description One page of incidents. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['IncidentPage']
        }
      }
      default: components['responses']['Problem']
    }
  }
  listKeys: {
    parameters: {
      query?: {
        /** @description Return only keys of this tenant. */
        tenant?: components['schemas']['TenantName']
        /** @description The largest number of entries in the answer. */
        limit?: components['parameters']['Limit']
        /** @description The `nextCursor` of the previous page; send it with the same filters. */
        cursor?: components['parameters']['Cursor']
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description One page of keys. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['KeyPage']
        }
      }
      default: components['responses']['Problem']
    }
  }
  listAudit: {
    parameters: {
      query?: {
        /** @description Return only events of these kinds: changes, changes whose outcome is unknown, and refused requests. Repeat the parameter for several kinds. */
        kind?: ('change' | 'unknown' | 'refusal')[]
        /** @description Return only events of keys of this tenant. */
        tenant?: components['schemas']['TenantName']
        /** @description Return only events of this key. */
        keyId?: string
        /** @description Return only events of this `operationId`. */
        operation?: string
        /** @description The largest number of entries in the answer. */
        limit?: components['parameters']['Limit']
        /** @description The `nextCursor` of the previous page; send it with the same filters. */
        cursor?: components['parameters']['Cursor']
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description One page of events. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['AuditPage']
        }
      }
      default: components['responses']['Problem']
    }
  }
}
