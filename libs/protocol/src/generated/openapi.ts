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
    TaskState: 'queued' | 'running' | 'retrying' | 'completed' | 'failed' | 'cancelled'
    IdempotencyKey: string
    TaskRequest: {
      /** @description What the agent is to do. */
      task: string
      /** @description Instructions in place of the agent's own. */
      systemPrompt?: string
      /** @description Any JSON, at most 64 levels deep, handed to the agent beside the task. */
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
      /**
       * @description Role or name of the LLM agent that runs the task.
       * @default assistant
       */
      agent?: string
      /** @description The LLM; the gateway's configured model if not given. */
      model?: string
      /**
       * @description Longest lifetime from the submission, waiting and retries included; then it fails.
       * @default 3600000
       */
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
      /** @description Your own notes, returned as they are. */
      metadata?: components['schemas']['Metadata']
      /** @description The same as the header `Idempotency-Key`, which a batch has no place for. */
      idempotencyKey?: components['schemas']['IdempotencyKey']
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
      /** @description The attempt now entitled to run, from 1. */
      attempt: number
      failures: number
      /** @description The node that runs or ran the attempt. */
      node?: string
      /** @description Why the task went where it went, as soon as an event told of it. */
      placement?: components['schemas']['Placement']
      affinityKey?: string
      /** @description When the next attempt is due. */
      retryAt?: string
      /** @description What the agent answered. */
      result?: unknown
      error?: components['schemas']['TaskError']
      usage: components['schemas']['Usage']
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
    }
    /** @description One stored event. `attempt-started` has attempt and node; `call-finished` attempt and call; `attempt-failed` attempt, error and retryAtMs; `completed` attempt, node, result and usage; `failed` attempt and error; `cancelled` reason. All of an attempt may have placement. */
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
      reason?: string
      placement?: components['schemas']['Placement']
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
      reason?: string
      placement?: components['schemas']['Placement']
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
      /** @description Sums and means over the cluster, when the health monitor tells them. */
      totals?: components['schemas']['Totals']
      /** @description Totals of the last hour, oldest first. */
      history: components['schemas']['Totals'][]
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
      /** @description Why the health monitor gave its verdict. */
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
       * @description suspect: its beats are late. stalled: it beats and does not progress, so it is asked to drain. None of the two gets work.
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
      /** @description Age of the node's last beat at the time of the snapshot. */
      beatAgeMs: number
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
