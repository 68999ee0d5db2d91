// Generated from openapi.yaml by `pnpm generate`; change that file instead.

export interface paths {
  '/v1/tasks': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** List tasks, newest first. */
    get: operations['listTasks']
    put?: never
    /**
     * Submit a task.
     * @description Answers 202 once the task is stored. With `Prefer: wait=N` the answer is held for up to N seconds and is 200 with the finished task when it ends in time. With an idempotency key the same submission leads to the same task, however often and through whichever gateway it is sent.
     */
    post: operations['submitTask']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/tasks:batch': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Submit up to 1,000 tasks at once.
     * @description Each task is accepted or refused by itself; the results are in the order of the tasks.
     */
    post: operations['submitBatch']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/tasks:replay': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Run ended tasks again, up to 1,000 in one request.
     * @description Newest first, those of one state that match; each becomes a new task that names the ended one as `replayOf`. With an idempotency key each ended task is repeated once, however often the request is sent and whichever page it is on.
     */
    post: operations['replayTasks']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/tasks/{id}/replay': {
    parameters: {
      query?: never
      header?: never
      path: {
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Run an ended task again.
     * @description A new task with the same spec, which names the ended one as `replayOf`. From its journal it goes on behind the last finished call, and no call of the ended task is paid again.
     */
    post: operations['replayTask']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/tasks/{id}': {
    parameters: {
      query?: never
      header?: never
      path: {
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    /** Read a task. */
    get: operations['getTask']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/tasks/{id}/cancel': {
    parameters: {
      query?: never
      header?: never
      path: {
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Cancel a task.
     * @description Cancelling a cancelled task changes nothing and is answered with 200 again.
     */
    post: operations['cancelTask']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/tasks/{id}/approvals/{step}': {
    parameters: {
      query?: never
      header?: never
      path: {
        id: components['parameters']['TaskId']
        /** @description The step that `waitingFor` of the task names. */
        step: number
      }
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Allow a step that waits for somebody's word, or not.
     * @description The run goes on in either case: a call that was not allowed is told to the model, with the note. The same word once more changes nothing and is answered with 200 again.
     */
    post: operations['approveStep']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/tasks/{id}/events': {
    parameters: {
      query?: never
      header?: never
      path: {
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    /** Read all that happened to a task. */
    get: operations['getTaskEvents']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/agents': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** List the definitions of agents, your own and those that are shipped. */
    get: operations['listAgents']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/agents/{name}': {
    parameters: {
      query?: never
      header?: never
      path: {
        name: components['parameters']['AgentName']
      }
      cookie?: never
    }
    /** Read the definition of an agent. */
    get: operations['getAgent']
    /**
     * Define an agent, or change its definition.
     * @description Makes a new version; what is the newest version already makes none. A name that is shipped is overridden. Tasks keep the definition they were submitted with.
     */
    put: operations['putAgent']
    post?: never
    /** Remove a definition of yours; a shipped one of the same name comes back. */
    delete: operations['deleteAgent']
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/goals': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Have a goal planned, run and put together.
     * @description A planner breaks the goal into a plan of tasks with roles; an invalid plan (a cycle, an unknown role, too long or too deep) and one whose steps failed is replaced at most `maxReplans` times. With `"run": false` the plan waits for `POST /v1/goals/{id}/run`. The goal is a task as well: it can be read, followed and cancelled as one, which cancels its steps.
     */
    post: operations['submitGoal']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/goals/{id}': {
    parameters: {
      query?: never
      header?: never
      path: {
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    /** Read a goal with its plans and the states of their steps. */
    get: operations['getGoal']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/goals/{id}/run': {
    parameters: {
      query?: never
      header?: never
      path: {
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    get?: never
    put?: never
    /** Run the plan of a goal that was only planned. */
    post: operations['runGoal']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/schedules': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** List your schedules by name. */
    get: operations['listSchedules']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/schedules/{name}': {
    parameters: {
      query?: never
      header?: never
      path: {
        name: string
      }
      cookie?: never
    }
    /** Read a schedule. */
    get: operations['getSchedule']
    /**
     * Define or replace a schedule.
     * @description Each tick submits the task once, however many coordinators run. Of ticks that were missed the last one is made up for.
     */
    put: operations['putSchedule']
    post?: never
    /** Remove a schedule; tasks that it submitted stay. */
    delete: operations['deleteSchedule']
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/stream': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Follow tasks, decisions and incidents over a WebSocket.
     * @description The client sends `ClientFrame` and receives `ServerFrame`, each as JSON text. On subscribing, the history after `after` is replayed, then events follow live, ordered by `seq`, without gaps or duplicates. Deltas are hints and may be left out. A subscription to `fleet` brings every decision and incident from then on: a decision again with each outcome that is measured, an incident again at each of its stages. The API key travels as `Authorization: Bearer`, as `access_token`, or as the subprotocol `bearer.<key>` offered beside `agentfleet`. Closed with 1001 (the gateway stops), 1008 (five unreadable frames) or 1013 (the client reads too slowly): connect again and subscribe with `after`.
     */
    get: operations['openStream']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/usage': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Read what you have used, by day and model, with its cost.
     * @description Made of the log: every call that a task's history shows is counted once, about a second later.
     */
    get: operations['getUsage']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/fleet': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** Read the state of the nodes, and the totals of the cluster with their history. */
    get: operations['getFleet']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/decisions': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * List the decisions of the control plane, newest first.
     * @description The latest 2,000 decisions, each with its outcomes as far as they have been measured (after 1, 5 and 15 minutes); older ones are not offered. These records concern the whole fleet: every valid key may read them, ids of tasks and the adviser's raw answer are shown to operators only.
     */
    get: operations['listDecisions']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/decisions/{id}': {
    parameters: {
      query?: never
      header?: never
      path: {
        id: components['parameters']['RecordId']
      }
      cookie?: never
    }
    /**
     * Read a decision.
     * @description One of the latest 2,000.
     */
    get: operations['getDecision']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/incidents': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * List the failures of nodes and what was done about them, newest first.
     * @description The latest 500 incidents by their detection; older ones are read one by one. Who may see what is as with decisions.
     */
    get: operations['listIncidents']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/incidents/{id}': {
    parameters: {
      query?: never
      header?: never
      path: {
        id: components['parameters']['RecordId']
      }
      cookie?: never
    }
    /**
     * Read an incident.
     * @description Any that is kept, for seven days.
     */
    get: operations['getIncident']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/openapi.json': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** Read this document. */
    get: operations['getDocument']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/livez': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** Whether the process answers. */
    get: operations['getLiveness']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/readyz': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** Whether requests may be sent here now. */
    get: operations['getReadiness']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
}
export type webhooks = Record<string, never>
export interface components {
  schemas: {
    /** @enum {string} */
    Level: 'low' | 'medium' | 'high'
    /** @enum {string} */
    TaskState: 'waiting' | 'queued' | 'running' | 'retrying' | 'completed' | 'failed' | 'cancelled'
    IdempotencyKey: string
    TaskRequest: {
      /** @description What the agent is to do. */
      task: string
      /** @description Instructions in place of the agent's own. */
      systemPrompt?: string
      /** @description Any JSON, at most 64 levels deep and 1 MiB as compact JSON, handed to the agent beside the task. */
      context?: unknown
      /**
       * @description How much CPU the task needs of its node.
       * @default low
       * @enum {string}
       */
      cpu?: 'low' | 'medium' | 'high'
      /**
       * @description How much memory the task needs of its node.
       * @default low
       * @enum {string}
       */
      memory?: 'low' | 'medium' | 'high'
      /**
       * @description Higher ones are started first.
       * @default medium
       * @enum {string}
       */
      priority?: 'low' | 'medium' | 'high'
      /** @description Name of a defined agent (see `/v1/agents`; "DevOps Engineer" is `devops-engineer`), or any role; `assistant` if not given. What the task says itself goes before the definition. */
      agent?: string
      /** @description The version of the agent's definition; the newest if not given. */
      agentVersion?: number
      /** @description A definition for this task only, in place of a stored one. */
      agentDefinition?: components['schemas']['AgentDefinition']
      fallbackModels?: components['schemas']['FallbackModels']
      tools?: components['schemas']['ToolNames']
      responseSchema?: components['schemas']['ResponseSchema']
      budget?: components['schemas']['Budget']
      limits?: components['schemas']['RunLimits']
      /** @description The LLM; that of the agent's definition, or the gateway's, if not given. */
      model?: string
      /** @description Longest lifetime from the submission, waiting and retries included; then it fails. That of the agent's definition, or an hour, if not given. */
      timeoutMs?: number
      /**
       * @description Failed attempts that end the task.
       * @default 3
       */
      maxAttempts?: number
      /**
       * @description Who chooses the node: the policy alone, or (`advised`) the adviser among the nodes that the policy allows, where one is configured and answers in time.
       * @default auto
       * @enum {string}
       */
      placement?: 'auto' | 'advised'
      /** @description Tasks with the same key go to the same node while it has room. */
      affinityKey?: string
      /** @description Longest answer of one LLM call. */
      maxOutputTokens?: number
      sampling?: components['schemas']['Sampling']
      /** @description Your own notes, returned as they are. */
      metadata?: components['schemas']['Metadata']
      /** @description Tasks that must have ended before this one runs; their results are handed to its agent. A task that is not there is refused with 422. */
      dependsOn?: string[]
      /**
       * @description `fail`: a dependency that failed or was cancelled fails this task at once, with the code `dependency-failed`; `continue`: it runs all the same and is told.
       * @default fail
       * @enum {string}
       */
      onDependencyFailure?: 'fail' | 'continue'
      /**
       * Format: date-time
       * @description Does not run before this instant (RFC 3339), at most seven days ahead and at most a day ago (then it runs at once); `timeoutMs` counts from then.
       */
      notBefore?: string
      /** @description Does not run for this long after the submission; `timeoutMs` counts from then. */
      delayMs?: number
      /** @description The same as the header `Idempotency-Key`, which a batch has no place for. */
      idempotencyKey?: components['schemas']['IdempotencyKey']
    }
    /** @description Models to try, in this order, when the first one cannot be had. */
    FallbackModels: string[]
    /** @description Tools the agent may use, by name or by the beginning of one (`server__*`); none if empty, the built-in ones of the worker if not given. A team's own tools and those of MCP servers are only offered to an agent that names them. */
    ToolNames: string[]
    /** @description JSON schema that the result has to fit, at most 32 levels deep and 32 kB as compact JSON. It is read as 2020-12, or as draft-07 where its `$schema` says so. One that costs too much to check is refused with the code `schema-too-costly`. */
    ResponseSchema: {
      [key: string]: unknown
    }
    /** @description What a task may use up in all its attempts; then it ends with what it has. */
    Budget: {
      /** @description Input and output tokens together. */
      tokens?: number
      usd?: number
      /** @description LLM calls. */
      turns?: number
      /** @description Time from the submission; eight days, the longest life of a task, at most. */
      wallMs?: number
    }
    /** @description Bounds of a run; the worker's own hold as well. */
    RunLimits: {
      turnsMax?: number
      toolCallsMax?: number
      /** @description Further tries at an answer that does not fit the response schema. */
      repairsMax?: number
    }
    /** @description How the model writes its answers. Each field is passed to the provider; a field that the provider refuses for this model is left out from then on. A task's fields go before those of its agent. */
    Sampling: {
      temperature?: number
      topP?: number
      /** @description Texts at which the answer ends. */
      stop?: string[]
      seed?: number
      /**
       * @description How long the model thinks before it answers.
       * @enum {string}
       */
      reasoningEffort?: 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh'
      /** @enum {string} */
      verbosity?: 'low' | 'medium' | 'high'
    }
    /** @description Bounds of the tasks of an agent, where a task does not say its own. */
    AgentLimits: {
      turnsMax?: number
      toolCallsMax?: number
      repairsMax?: number
      maxOutputTokens?: number
      timeoutMs?: number
      budget?: components['schemas']['Budget']
    }
    AgentDefinition: {
      /** @description What the agent is, in a few words. */
      role?: string
      /** @description What it is good for; people and planners read it. */
      description?: string
      /** @description The system prompt of its tasks. */
      instructions?: string
      model?: string
      fallbackModels?: components['schemas']['FallbackModels']
      tools?: components['schemas']['ToolNames']
      responseSchema?: components['schemas']['ResponseSchema']
      sampling?: components['schemas']['Sampling']
      limits?: components['schemas']['AgentLimits']
    }
    Agent: {
      name: string
      /** @description Grows with each change, from 1; 0 is a shipped definition. */
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
    /** @description The definition that a task was submitted with. */
    DefinitionRef: {
      name: string
      /** @description 0 is a shipped definition. */
      version: number
    }
    /**
     * @description From its first call on, or behind the last call that the ended task has finished.
     * @default start
     * @enum {string}
     */
    ReplayFrom: 'start' | 'journal'
    ReplayRequest: {
      from?: components['schemas']['ReplayFrom']
    }
    ReplayQuery: {
      /**
       * @default failed
       * @enum {string}
       */
      state?: 'completed' | 'failed' | 'cancelled'
      /** @description Only tasks that ended with this code. */
      errorCode?: string
      /** @description Only tasks submitted at this instant (RFC 3339), or on this day, or later. */
      createdAfter?: string | unknown | unknown
      /** @description Only tasks submitted before this instant (RFC 3339) or this day. */
      createdBefore?: string | unknown | unknown
      from?: components['schemas']['ReplayFrom']
      /**
       * @description Tasks looked at in this request.
       * @default 1000
       */
      limit?: number
      /** @description `nextCursor` of the answer before, with the same filters. */
      cursor?: string
    }
    ReplayResult: {
      replayOf: string
      /** @description What a single replay would have been answered with. */
      status: number
      /** @description The new task. */
      taskId?: string
      problem?: components['schemas']['Problem']
    }
    ReplayPage: {
      results: components['schemas']['ReplayResult'][]
      /** @description Missing when every task was looked at. */
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
      /** @description What a single submission would have been answered with. */
      status: number
      taskId?: string
      problem?: components['schemas']['Problem']
    }
    Usage: {
      inputTokens: number
      outputTokens: number
      llmCalls: number
      /** @description Of the input tokens, those that the provider had in its cache. */
      cachedTokens?: number
      /** @description Of the output tokens, those of reasoning that is not part of the answer. */
      reasoningTokens?: number
      /** @description By the price tables of the providers; absent when none of the models has a price. */
      costUsd?: number
    }
    /** @description Which model of which provider answered, under the provider's own name of it. */
    CalledBy: {
      provider: string
      model: string
      /** @description Version of the price table. */
      prices?: string
    }
    UsageReport: {
      /** @enum {string} */
      scope: 'tenant' | 'fleet'
      tenant?: string
      from: string
      to: string
      /** @description Days (UTC) on which something was used, oldest first. */
      days: {
        day: string
        total: components['schemas']['Usage']
        models: {
          model: string
          provider: string
          usage: components['schemas']['Usage']
        }[]
      }[]
      total: components['schemas']['Usage']
    }
    TaskError: {
      code: string
      message: string
    }
    Task: {
      id: string
      /** @description Stored, but for `running` of a first attempt, which is a hint. */
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
      /** @description When the task fails for lack of time. */
      deadlineAt: string
      /** @description Sequence of the last stored event; resume a stream with it as `after`. */
      seq: number
      /** @description The attempt now entitled to run, from 1; 0 before the first of a task that waited. */
      attempt: number
      failures: number
      /** @description The node that runs or ran the attempt. */
      node?: string
      /** @description Why the task went where it went, as soon as an event told of it. */
      placement?: components['schemas']['Placement']
      affinityKey?: string
      definition?: components['schemas']['DefinitionRef']
      fallbackModels?: components['schemas']['FallbackModels']
      tools?: components['schemas']['ToolNames']
      responseSchema?: components['schemas']['ResponseSchema']
      budget?: components['schemas']['Budget']
      limits?: components['schemas']['RunLimits']
      /** @description The ended task that this one repeats. */
      replayOf?: string
      /** @description When the next attempt is due. */
      retryAt?: string
      waitingFor?: components['schemas']['Waiting']
      /** @description How often a run gave its slot back to wait. */
      pauses?: number
      approvals?: components['schemas']['Approval'][]
      dependsOn?: string[]
      /** @description When the task may run at the earliest. */
      notBefore?: string
      /** @description The task whose run made this one. */
      parentId?: string
      /** @description The tasks that runs of this one made. */
      children?: components['schemas']['Child'][]
      /** @description What the agent answered. */
      result?: unknown
      error?: components['schemas']['TaskError']
      usage: components['schemas']['Usage']
    }
    /** @description What a waiting task waits for: other tasks (`dependencies`, `children`: taskIds), an instant (`time`: until), or somebody's word (`approval`: step, tool and arguments). */
    Waiting: {
      /** @enum {string} */
      kind: 'dependencies' | 'time' | 'approval' | 'children'
      taskIds?: string[]
      until?: string
      step?: number
      tool?: string
      arguments?: unknown
    }
    /** @description Somebody's word on a step that asked for it. */
    Approval: {
      step: number
      approved: boolean
      by: string
      note?: string
    }
    ApprovalRequest: {
      approved: boolean
      /** @description Why; the model reads it when the step was not allowed. */
      note?: string
    }
    Child: {
      id: string
      /** @description The step of the run that made it. */
      step: number
    }
    GoalRequest: {
      /** @description What is to be reached. */
      goal: string
      /** @description Any JSON, at most 64 levels deep and 1 MiB as compact JSON, handed to the planner beside the goal. */
      context?: unknown
      /**
       * @description `false`: the plan waits for `POST /v1/goals/{id}/run`.
       * @default true
       */
      run?: boolean
      /** @description Names of the agents that steps may have; all of them if not given. */
      roles?: string[]
      /**
       * @description How often an invalid or failed plan may be replaced.
       * @default 2
       */
      maxReplans?: number
      /** @description The agent that plans and puts the results together. */
      planner?: string
      /** @description The LLM of the planner, and of steps whose agent has none of its own. */
      model?: string
      /**
       * @default medium
       * @enum {string}
       */
      priority?: 'low' | 'medium' | 'high'
      /** @description Longest lifetime of the goal and of all its steps; a day if not given. */
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
       * @description `held`: the plan waits for somebody to run it.
       * @enum {string}
       */
      stage: 'planning' | 'held' | 'running' | 'concluding' | 'ended'
      goal: string
      planner: string
      model: string
      createdAt: string
      updatedAt: string
      seq: number
      /** @description Every plan that was made, the last one at the end. */
      plans: components['schemas']['GoalPlan'][]
      waitingFor?: components['schemas']['Waiting']
      /** @description Of the goal and of its steps. */
      usage: components['schemas']['Usage']
      limits: {
        stepsMax: number
        depthMax: number
        taskCharsMax: number
        maxReplans: number
      }
      /** @description The answer that the results were put together to. */
      result?: unknown
      error?: components['schemas']['TaskError']
    }
    GoalPlan: {
      /** @description The step of the goal's run that made the plan. */
      step: number
      valid: boolean
      summary: string
      /** @description Longest chain of steps. */
      depth?: number
      /** @description Why the plan cannot run. */
      problems?: string[]
      steps: components['schemas']['GoalStep'][]
    }
    GoalStep: {
      id: string
      role: string
      task: string
      dependsOn: string[]
      /** @description The task that does it, once the plan runs. */
      taskId?: string
      state?: components['schemas']['TaskState']
      error?: components['schemas']['TaskError']
    }
    ScheduleRequest: {
      /** @description Five fields, or six with seconds first; at most once a second, and on days that the months have. */
      cron: string
      /**
       * @description IANA time zone that the expression is read in.
       * @default UTC
       */
      timeZone?: string
      /**
       * @description `skip`: no new task while the last one has not ended.
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
      cron: string
      timeZone: string
      /** @enum {string} */
      overlap: 'allow' | 'skip'
      paused: boolean
      task: components['schemas']['TaskRequest']
      updatedAt: string
      /** @description The next tick; missing when it is paused or has no further one. */
      nextAt?: string
      lastTickAt?: string
      /** @description The last task that it submitted. */
      lastTaskId?: string
      /** @description Whether the last tick was skipped because the task before it had not ended. */
      lastSkipped?: boolean
    }
    ScheduleList: {
      schedules: components['schemas']['Schedule'][]
    }
    /** @description The last placement of a task that is known. */
    Placement: {
      node: string
      reason: string
      /** @description The load balancer that chose. */
      by: string
      atMs: number
      /** @description Nodes among which it chose. */
      considered: number
    }
    TaskSummary: {
      id: string
      state: components['schemas']['TaskState']
      agent: string
      model: string
      priority: components['schemas']['Level']
      /** @description The beginning of the task's text. */
      preview: string
      createdAt: string
      updatedAt: string
      seq: number
      attempt: number
      failures: number
      waitingFor?: components['schemas']['Waiting']
      node?: string
      error?: components['schemas']['TaskError']
    }
    TaskPage: {
      tasks: components['schemas']['TaskSummary'][]
      /** @description Missing on the last page. */
      nextCursor?: string
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
      output: unknown
      usage: components['schemas']['Usage']
      by?: components['schemas']['CalledBy']
    }
    /** @description One stored event. `attempt-started` has attempt and node; `call-finished` attempt and call; `attempt-failed` attempt, error and retryAtMs; `completed` attempt, node, result and usage; `failed` attempt, error and, when a budget ran out, the result so far; `cancelled` reason; `released` reason; `paused` attempt and wait; `resumed` reason and approval; `spawned` attempt, step and the ids of the children. All of an attempt may have placement. */
    Event: {
      type: components['schemas']['EventType']
      /** @description Milliseconds since the epoch. */
      atMs: number
      attempt?: number
      node?: string
      call?: components['schemas']['JournaledCall']
      error?: components['schemas']['TaskError']
      retryAtMs?: number
      result?: unknown
      usage?: components['schemas']['Usage']
      by?: components['schemas']['CalledBy']
      reason?: string
      placement?: components['schemas']['Placement']
      wait?: components['schemas']['Waiting']
      approval?: components['schemas']['Approval']
      step?: number
      children?: string[]
    }
    /** @description An event with its sequence. */
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
      reason?: string
      placement?: components['schemas']['Placement']
      wait?: components['schemas']['Waiting']
      approval?: components['schemas']['Approval']
      step?: number
      children?: string[]
    }
    TaskHistory: {
      events: components['schemas']['HistoryEvent'][]
    }
    Fleet: {
      /** @enum {string} */
      status: 'ok' | 'no-available-nodes' | 'unknown'
      explanation: string
      /** @description When the health monitor took the snapshot. */
      observedAt?: string
      /** @description The health monitor that took it. */
      monitor?: string
      /** @description Tasks that wait for a node. */
      queued: number
      /** @description Tasks that are out with nodes. */
      running: number
      nodes: components['schemas']['Node'][]
      /** @description Load balancers that were heard a moment ago. */
      balancers: components['schemas']['Balancer'][]
      /** @description How the models of the providers stand that the nodes have called lately. Each node learns and closes for itself what only it has seen; this is what they say together. */
      providers: components['schemas']['ProviderModel'][]
      /** @description Sums and means over the cluster, when the health monitor tells them. */
      totals?: components['schemas']['Totals']
      /** @description Totals of the last hour, oldest first. */
      history: components['schemas']['Totals'][]
    }
    ProviderModel: {
      provider: string
      model: string
      /** @description Nodes that have called it lately. */
      nodes: number
      /** @description Calls of these nodes since their start. */
      calls: number
      /**
       * @description The circuit breaker of the node that sees it worst.
       * @enum {string}
       */
      breaker: 'closed' | 'open' | 'probing'
      /** @description The provider asked for a pause of so long, for example by `Retry-After`; it is cut to five minutes. 0 while calls go through. */
      closedForMs: number
      /** @description What its refusals have taught, such as `streamOptions=false`. */
      learned: string[]
      lastError?: {
        /** @description The class of the failure, such as `status 429` or `timeout`. */
        kind: string
        agoMs: number
      }
      /** @description Mean time until the first token of an answer. */
      firstTokenMs?: number
      /** @description Mean speed of an answer after its first token. */
      tokensPerSecond?: number
    }
    Balancer: {
      id: string
      /** @description Whether it has free credits and nothing waits before them. */
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
    /** @description Numbers, names and switches; never a task's text. */
    Figures: {
      [key: string]: number | string | boolean
    }
    Choice: {
      kind: string
      reason: string
      figures: components['schemas']['Figures']
    }
    /** @description What was asked of the adviser, and what became of its answer. */
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
      /** @description The answer after schema and clamps. */
      answer?: components['schemas']['Figures']
      /** @description What was out of bounds, and what it became. */
      clamped: {
        field: string
        from?: unknown
        to?: unknown
      }[]
      /** @description The text of the answer; for operators. */
      raw?: string
    }
    MeasuredOutcome: {
      afterMinutes: number
      atMs: number
      figures: components['schemas']['Figures']
    }
    /** @description What a control loop saw, what it could have done, what it did and why, and what came of it. */
    Decision: {
      id: string
      service: string
      /** @description The process that decided. */
      by: string
      kind: string
      reason: string
      atMs: number
      /** @description The node, task or deployment that it is about. */
      about?: string
      inputs: components['schemas']['Figures']
      /** @description What could have been done, best first. */
      options: components['schemas']['Choice'][]
      /** @description What the deterministic policy alone said. */
      policy: components['schemas']['Choice']
      advice?: components['schemas']['Advice']
      /** @description Whether the world was changed. */
      acted: boolean
      driver?: string
      /** @description What was measured 1, 5 and 15 minutes later. */
      outcomes: components['schemas']['MeasuredOutcome'][]
    }
    DecisionPage: {
      decisions: components['schemas']['Decision'][]
      /** @description Missing on the last page. */
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
    /** @description What happened around the failure of one node, stage by stage. */
    Incident: {
      id: string
      nodeId: string
      incarnation: number
      /** @description Why the health monitor declared the node dead. */
      reason: string
      state: components['schemas']['IncidentState']
      /** @description The recovery that handles it. */
      by: string
      /** @description The machine that the node ran on, when the orchestrator knows it. */
      host?: string
      /** @description How long the process had run when it was last heard. */
      uptimeMs?: number
      silentMs: number
      detectedAtMs: number
      openedAtMs: number
      redistributedAtMs?: number
      /** @description Tasks that the node held. */
      tasks: number
      /** @description Those whose pointers were given back. */
      redistributed: number
      /** @description A few of the affected tasks; for operators. */
      taskIds?: string[]
      /** @description Tasks that ran on several nodes that died; for operators. */
      suspectTasks?: string[]
      analysis?: components['schemas']['IncidentAnalysis']
      action?: components['schemas']['IncidentAction']
      outcome?: components['schemas']['IncidentOutcome']
    }
    IncidentPage: {
      incidents: components['schemas']['Incident'][]
      /** @description Missing on the last page. */
      nextCursor?: string
    }
    Node: {
      id: string
      /**
       * @description suspect: its heartbeats are late. stalled: its heartbeats come, but its work stands still, so it is asked to drain. None of the two gets work.
       * @enum {string}
       */
      state: 'alive' | 'suspect' | 'stalled' | 'dead'
      /** @description Grows with each start of the same node. */
      incarnation: number
      slots: number
      /** @description Attempts that run now. */
      active: number
      /** @description Tasks taken and not yet started. */
      queued: number
      /** @description Share of one core. */
      cpu: number
      /** @description Share of the node's memory limit. */
      memory: number
      memoryBytes: number
      /** @description 99th percentile of event-loop delay. */
      lagMs: number
      /** @description Mean time an attempt takes. */
      responseMs: number
      completed: number
      failed: number
      draining: boolean
      startedAt: string
      /** @description Age of the node's last heartbeat at the time of the snapshot. */
      heartbeatAgeMs: number
    }
    Readiness: {
      ok: boolean
      reason?: string
    }
    Problem: {
      type: string
      title: string
      status: number
      /** @description What to do about it. */
      detail: string
      /** @description Stable, for programs. */
      code: string
      /** @description What is wrong with the request, place by place. */
      errors?: components['schemas']['FieldError'][]
    }
    FieldError: {
      /** @description JSON pointer into the body, or the name of a parameter or header. */
      pointer: string
      detail: string
    }
    /** @description What a client may send on the stream. */
    ClientFrame:
      | components['schemas']['SubscribeFrame']
      | components['schemas']['SubscribeAllFrame']
      | components['schemas']['SubscribeFleetFrame']
      | components['schemas']['UnsubscribeFrame']
      | components['schemas']['UnsubscribeFleetFrame']
      | components['schemas']['PingFrame']
    SubscribeFrame: {
      /** @constant */
      type: 'subscribe'
      taskIds: string[]
      /** @description Only events above this sequence, for all tasks or for each; 0 if not given. */
      after?:
        | number
        | {
            [key: string]: number
          }
      /** @description Also what running attempts stream. */
      deltas?: boolean
    }
    /** @description Every event of every task of the tenant from now on; no history, no deltas. */
    SubscribeAllFrame: {
      /** @constant */
      type: 'subscribe'
      /** @constant */
      all: true
    }
    /** @enum {string} */
    FleetTopic: 'decisions' | 'incidents'
    /** @description Every decision or incident from now on; list them for what was before. */
    SubscribeFleetFrame: {
      /** @constant */
      type: 'subscribe'
      fleet: components['schemas']['FleetTopic'][]
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
    /** @description What the stream sends. */
    ServerFrame:
      | components['schemas']['EventFrame']
      | components['schemas']['DeltaFrame']
      | components['schemas']['DecisionFrame']
      | components['schemas']['IncidentFrame']
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
    /** @description A piece of what a running attempt streams; a higher attempt replaces a lower one. */
    DeltaFrame: {
      /** @constant */
      type: 'delta'
      taskId: string
      attempt: number
      node: string
      /** @description Fencing token of the run. */
      seq: number
      /** @description Characters of text that this attempt streamed before this piece. */
      offset: number
      /** @enum {string} */
      kind: 'started' | 'text' | 'tool'
      text: string
    }
    /** @description A decision was made, or an outcome of it was measured. */
    DecisionFrame: {
      /** @constant */
      type: 'decision'
      decision: components['schemas']['Decision']
    }
    /** @description An incident was opened or came to its next stage. */
    IncidentFrame: {
      /** @constant */
      type: 'incident'
      incident: components['schemas']['Incident']
    }
    /** @description The history of these tasks has been replayed; all of the tenant's tasks when `all` is true; decisions or incidents follow from now on when `fleet` is there. */
    SubscribedFrame: {
      /** @constant */
      type: 'subscribed'
      taskIds?: string[]
      /** @description Those of them of which nothing more will come. */
      ended?: string[]
      all?: boolean
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
    /** @description What went wrong and what to do. 503 and 429 carry `Retry-After` (seconds): the same request may be sent again. */
    Problem: {
      headers: {
        'Retry-After'?: string
        [name: string]: unknown
      }
      content: {
        'application/problem+json': components['schemas']['Problem']
      }
    }
  }
  parameters: {
    TaskId: string
    AgentName: string
    /** @description The `ETag` of the version that is changed; of any other it is refused with 412. */
    IfMatch: string
    RecordId: string
    Limit: number
    /** @description `nextCursor` of the page before, with the same filters. */
    Cursor: string
  }
  requestBodies: never
  headers: never
  pathItems: never
}
export type $defs = Record<string, never>
export interface operations {
  listTasks: {
    parameters: {
      query?: {
        state?: components['schemas']['TaskState']
        limit?: components['parameters']['Limit']
        /** @description `nextCursor` of the page before, with the same filters. */
        cursor?: components['parameters']['Cursor']
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description One page of tasks; the listing may be a moment behind, a single task never is. */
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
  submitTask: {
    parameters: {
      query?: never
      header?: {
        /** @description Sending the same body again under the same key returns the same task. */
        'Idempotency-Key'?: components['schemas']['IdempotencyKey']
        /** @description `wait=N` (RFC 7240), N from 1 to 60 seconds; more counts as 60. */
        Prefer?: string
      }
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['TaskRequest']
      }
    }
    responses: {
      /** @description The task has ended (asked to wait, or submitted earlier under the same key). */
      200: {
        headers: {
          /** @description `wait=N` when the answer was held. */
          'Preference-Applied'?: string
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Task']
        }
      }
      /** @description The task is stored and will be run. */
      202: {
        headers: {
          /** @description Where the task can be read. */
          Location?: string
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Task']
        }
      }
      default: components['responses']['Problem']
    }
  }
  submitBatch: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['BatchRequest']
      }
    }
    responses: {
      /** @description One result for each task. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['BatchResponse']
        }
      }
      default: components['responses']['Problem']
    }
  }
  replayTasks: {
    parameters: {
      query?: never
      header?: {
        /** @description Under the same key no ended task is repeated twice. */
        'Idempotency-Key'?: components['schemas']['IdempotencyKey']
      }
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['ReplayQuery']
      }
    }
    responses: {
      /** @description One result for each task that matched. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['ReplayPage']
        }
      }
      default: components['responses']['Problem']
    }
  }
  replayTask: {
    parameters: {
      query?: never
      header?: {
        /** @description Under the same key the same replay leads to the same task. */
        'Idempotency-Key'?: components['schemas']['IdempotencyKey']
      }
      path: {
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    requestBody?: {
      content: {
        'application/json': components['schemas']['ReplayRequest']
      }
    }
    responses: {
      /** @description It was replayed earlier under the same key, and that has ended. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Task']
        }
      }
      /** @description The new task is stored and will be run. */
      202: {
        headers: {
          /** @description Where the new task can be read. */
          Location?: string
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Task']
        }
      }
      default: components['responses']['Problem']
    }
  }
  getTask: {
    parameters: {
      query?: never
      header?: never
      path: {
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The task, never behind what is stored. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Task']
        }
      }
      default: components['responses']['Problem']
    }
  }
  cancelTask: {
    parameters: {
      query?: never
      header?: never
      path: {
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The cancelled task. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Task']
        }
      }
      default: components['responses']['Problem']
    }
  }
  approveStep: {
    parameters: {
      query?: never
      header?: never
      path: {
        id: components['parameters']['TaskId']
        /** @description The step that `waitingFor` of the task names. */
        step: number
      }
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['ApprovalRequest']
      }
    }
    responses: {
      /** @description The task, which goes on. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Task']
        }
      }
      default: components['responses']['Problem']
    }
  }
  getTaskEvents: {
    parameters: {
      query?: never
      header?: never
      path: {
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The history, oldest first. */
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
  listAgents: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Every definition in its newest version, by name. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['AgentList']
        }
      }
      default: components['responses']['Problem']
    }
  }
  getAgent: {
    parameters: {
      query?: {
        /** @description One of the latest 20 versions; the newest if not given. */
        version?: number
      }
      header?: never
      path: {
        name: components['parameters']['AgentName']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The definition. */
      200: {
        headers: {
          /** @description Its version, for `If-Match`. */
          ETag?: string
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Agent']
        }
      }
      default: components['responses']['Problem']
    }
  }
  putAgent: {
    parameters: {
      query?: never
      header?: {
        /** @description The `ETag` of the version that is changed; of any other it is refused with 412. */
        'If-Match'?: components['parameters']['IfMatch']
        /** @description `*`: only if there is no definition of yours under this name. */
        'If-None-Match'?: '*'
      }
      path: {
        name: components['parameters']['AgentName']
      }
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['AgentDefinition']
      }
    }
    responses: {
      /** @description The definition is stored. */
      200: {
        headers: {
          /** @description Its version, for `If-Match`. */
          ETag?: string
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Agent']
        }
      }
      /** @description The definition is stored; there was none of yours under this name. */
      201: {
        headers: {
          /** @description Its version, for `If-Match`. */
          ETag?: string
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Agent']
        }
      }
      default: components['responses']['Problem']
    }
  }
  deleteAgent: {
    parameters: {
      query?: never
      header?: {
        /** @description The `ETag` of the version that is changed; of any other it is refused with 412. */
        'If-Match'?: components['parameters']['IfMatch']
      }
      path: {
        name: components['parameters']['AgentName']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description It is removed, or was not there. */
      204: {
        headers: {
          [name: string]: unknown
        }
        content?: never
      }
      default: components['responses']['Problem']
    }
  }
  submitGoal: {
    parameters: {
      query?: never
      header?: {
        /** @description Sending the same body again under the same key returns the same goal. */
        'Idempotency-Key'?: components['schemas']['IdempotencyKey']
      }
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['GoalRequest']
      }
    }
    responses: {
      /** @description The goal is stored and will be planned. */
      202: {
        headers: {
          /** @description Where the goal can be read. */
          Location?: string
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Goal']
        }
      }
      default: components['responses']['Problem']
    }
  }
  getGoal: {
    parameters: {
      query?: never
      header?: never
      path: {
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The goal. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Goal']
        }
      }
      default: components['responses']['Problem']
    }
  }
  runGoal: {
    parameters: {
      query?: never
      header?: never
      path: {
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The goal. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Goal']
        }
      }
      default: components['responses']['Problem']
    }
  }
  listSchedules: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description All of them, at most 200. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['ScheduleList']
        }
      }
      default: components['responses']['Problem']
    }
  }
  getSchedule: {
    parameters: {
      query?: never
      header?: never
      path: {
        name: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The schedule with its next and its last tick. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Schedule']
        }
      }
      default: components['responses']['Problem']
    }
  }
  putSchedule: {
    parameters: {
      query?: never
      header?: never
      path: {
        name: string
      }
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['ScheduleRequest']
      }
    }
    responses: {
      /** @description The schedule is replaced. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Schedule']
        }
      }
      /** @description The schedule is there. */
      201: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Schedule']
        }
      }
      default: components['responses']['Problem']
    }
  }
  deleteSchedule: {
    parameters: {
      query?: never
      header?: never
      path: {
        name: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description It is removed, or was not there. */
      204: {
        headers: {
          [name: string]: unknown
        }
        content?: never
      }
      default: components['responses']['Problem']
    }
  }
  openStream: {
    parameters: {
      query?: {
        /** @description The API key, for clients that can set no header. */
        access_token?: string
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The connection is a WebSocket now. */
      101: {
        headers: {
          [name: string]: unknown
        }
        content?: never
      }
      default: components['responses']['Problem']
    }
  }
  getUsage: {
    parameters: {
      query?: {
        /** @description First day (UTC); 29 days before `to` if not given. */
        from?: string
        /** @description Last day (UTC); today if not given. */
        to?: string
        /** @description `fleet`: of all tenants together, for operators. */
        scope?: 'tenant' | 'fleet'
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
  getFleet: {
    parameters: {
      query?: {
        /** @description Whether the totals of the last hour are wanted too. */
        history?: boolean
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The last snapshot of the health monitor. */
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
        /** @description Only decisions of this service. */
        service?: components['schemas']['ServiceName']
        /** @description Only decisions of this kind, such as `scale-out`. */
        kind?: string
        /** @description Only decisions about this node, task or deployment. */
        about?: string
        limit?: components['parameters']['Limit']
        /** @description `nextCursor` of the page before, with the same filters. */
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
  getDecision: {
    parameters: {
      query?: never
      header?: never
      path: {
        id: components['parameters']['RecordId']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The decision with its outcomes. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Decision']
        }
      }
      default: components['responses']['Problem']
    }
  }
  listIncidents: {
    parameters: {
      query?: {
        state?: components['schemas']['IncidentState']
        /** @description Only incidents of this node. */
        node?: string
        limit?: components['parameters']['Limit']
        /** @description `nextCursor` of the page before, with the same filters. */
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
  getIncident: {
    parameters: {
      query?: never
      header?: never
      path: {
        id: components['parameters']['RecordId']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The incident as far as it has come. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Incident']
        }
      }
      default: components['responses']['Problem']
    }
  }
  getDocument: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description This document as JSON. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            [key: string]: unknown
          }
        }
      }
    }
  }
  getLiveness: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description It does. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Readiness']
        }
      }
    }
  }
  getReadiness: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description They may. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Readiness']
        }
      }
      /** @description They may not, with the reason. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Readiness']
        }
      }
    }
  }
}
