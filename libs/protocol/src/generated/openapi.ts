// Generated from openapi.yaml by `npm run generate --prefix libs/protocol`; change that file instead.

export interface paths {
  '/v1/tasks': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * List your tasks that match every filter.
     * @description The list comes from Redis and can miss the changes of about the last second. `GET /v1/tasks/{id}` shows
     *     every change at once. If `q` is a whole task id, the list also finds a task of the last second.
     *
     *     There is an index for `state`, `agent`, `errorCode` and time of submission. For a filter without an index
     *     the gateway examines up to 2,000 tasks in one request; `scanned` says how many tasks it examined. A page can
     *     have fewer than `limit` tasks, or none, although more pages follow: a page with `nextCursor` is not the last
     *     page. By default the fleet keeps at most 250,000 ended tasks, each for 7 days. `keptFrom` on the last page
     *     is the time before which ended tasks are no longer stored.
     *
     *     Errors:
     *
     *     - `400 invalid-cursor`: the cursor belongs to a query with other filters. Send each cursor with the filters
     *       of the query that returned the cursor, or start without a cursor.
     *     - `503 store-unavailable`: Redis does not answer. Send the request again after `Retry-After` seconds; single
     *       tasks can still be read and submitted.
     */
    get: operations['listTasks']
    put?: never
    /**
     * Submit a task.
     * @description The gateway stores the task and answers `202`. With `Prefer: wait=N` the gateway waits up to N seconds for
     *     the end of the task. It answers `200` with the ended task, or `202` if the task has not ended in this time.
     *
     *     With an idempotency key the same body always leads to the same task, even if another gateway receives the
     *     repeated request. Send a key whenever you might repeat the request.
     *
     *     Errors:
     *
     *     - `422 idempotency-key-reused`: the key belongs to a task with another body; use a new key.
     *     - `422 unknown-dependency`: a task in `dependsOn` does not exist; correct `dependsOn`.
     *     - `422 unknown-agent`: no agent has the name in `agent`. Send a name that `detail` lists, or define an agent
     *       with the name that you sent.
     *     - `422 unknown-tool`, `422 unknown-model`: no node offers the tool or serves the model. `detail` lists the
     *       tools or models that nodes offer; correct the task or the definition of its agent.
     *     - `422 unknown-agent-version`: the agent has no such version; correct `agentVersion` or omit it.
     *     - `422 unsupported-schema`, `422 schema-too-costly`: the gateway cannot use `responseSchema`. Write the
     *       schema in JSON Schema 2020-12 or draft-07, with fewer references.
     *     - `429 tenant-limit`, `429 tenant-share`: you have reached one of your limits, or your share of a store;
     *       `detail` has the amounts. The gateway stored nothing. Send the request again when some of your tasks have
     *       ended.
     *     - `503 overloaded`, `503 log-full`: the gateway stored nothing. Send the request again after `Retry-After`
     *       seconds.
     *     - `503 outcome-unknown`: the gateway does not know whether it stored the task. Send the request again if it
     *       has an idempotency key; otherwise first read the task whose id is in `detail`.
     */
    post: operations['submitTask']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/tasks:count': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Count your tasks that match every filter, by group.
     * @description There is an index for `state`, `agent`, `errorCode` and time of submission. If the request groups or filters
     *     by a property without an index, the gateway counts only the newest 5,000 tasks. `exact` is false if the
     *     gateway did not count all tasks. `exact` is also false if more than 20,000 tasks are queued, because some of
     *     these tasks may already run: `unsplit` is the number of queued tasks that the gateway did not look up. The
     *     counts of all other states, and the sum of `queued` and `running`, are exact even then. Tasks without a value,
     *     such as tasks without an error, are in no group.
     *
     *     Errors:
     *
     *     - `503 store-unavailable`: Redis does not answer. Send the request again after `Retry-After` seconds.
     */
    get: operations['countTasks']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/tasks:cancel': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Cancel up to 1,000 tasks in one request.
     * @description The gateway cancels the tasks in `taskIds`, or the unfinished tasks that match every filter, newest first.
     *     With `dryRun` the gateway cancels nothing and answers with the tasks that it would cancel. Repeating the
     *     request is safe: a cancelled task stays cancelled.
     *
     *     `failed` has a problem for each task that could not be cancelled. As long as the answer has a `nextCursor`,
     *     send the request again with that cursor.
     *
     *     Errors:
     *
     *     - `400 invalid-request`: the request has neither `taskIds` nor a filter, or it has both. Send either
     *       `taskIds` or a filter.
     *     - `400 invalid-cursor`: the cursor belongs to a query with other filters. Send each cursor with the filters
     *       of the query that returned the cursor, or start without a cursor.
     *     - `503 store-unavailable`: Redis does not answer. Send the request again after `Retry-After` seconds.
     */
    post: operations['cancelTasks']
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
     * Submit up to 1,000 tasks in one request.
     * @description The gateway checks, accepts or refuses each task separately. The results are in the order of the tasks. Each
     *     result has the status with which `POST /v1/tasks` would answer; the result of a refused task has a
     *     `problem`. A task may depend on an earlier task of the same batch: `"dependsOn": ["#0"]` refers to the first
     *     task of the batch. To repeat a batch safely, give each task an `idempotencyKey`.
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
     * Replay up to 1,000 ended tasks in one request.
     * @description The gateway replays the ended tasks in `taskIds`, or the ended tasks that match every filter, newest first.
     *     The gateway submits each ended task again as a new task; `replayOf` of the new task is the id of the ended
     *     task. With `dryRun` the gateway submits nothing and answers how many tasks match. With an idempotency key
     *     the gateway replays each ended task only once, even if you repeat the request or if a task is in two pages.
     *
     *     The answer has one result for each matching task; a task that could not be replayed has a `problem`. As long
     *     as the answer has a `nextCursor`, send the request again with that cursor.
     *
     *     Errors:
     *
     *     - `400 invalid-cursor`: the cursor belongs to a query with other filters. Send each cursor with the filters
     *       of the query that returned the cursor, or start without a cursor.
     *     - `503 store-unavailable`: Redis does not answer. Send the request again after `Retry-After` seconds.
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
        /** @description The id of the task. */
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Replay an ended task.
     * @description The gateway submits a new task with the same specification. The new task's `replayOf` holds the id of the
     *     task that was replayed. With `"from": "journal"` the new task continues after the last finished call of the
     *     ended task: it reuses the results of the finished calls, and you do not pay for them again.
     *
     *     Errors:
     *
     *     - `404 task-not-found`: you have no task with this id; check the id.
     *     - `409 not-finished`: the task has not ended. Replay the task after it has ended, or after you have
     *       cancelled it.
     *     - `409 journal-gone`, `422 journal-too-large`: the gateway cannot reuse the finished calls of the ended
     *       task. To replay the task without its finished calls, send `"from": "start"`.
     *     - `429 tenant-limit`, `429 tenant-share`, `503 overloaded`, `503 log-full`, `503 outcome-unknown`: these
     *       codes mean the same as for `POST /v1/tasks`.
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
        /** @description The id of the task. */
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    /**
     * Read a task.
     * @description The answer includes every stored event of the task, even while Redis is unavailable.
     *
     *     Errors:
     *
     *     - `404 task-not-found`: you have no task with this id. Check the id; an ended task is kept for a
     *       limited time.
     */
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
        /** @description The id of the task. */
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Cancel a task.
     * @description The task and the tasks that it created become `cancelled`, and their runs stop. Cancelling a cancelled task
     *     answers `200` again and changes nothing.
     *
     *     Errors:
     *
     *     - `404 task-not-found`: you have no task with this id; check the id.
     *     - `409 already-finished`: the task completed or failed before the request arrived, so the gateway cannot
     *       cancel the task.
     *     - `503 coordinator-unavailable`: the gateway does not know whether the task was cancelled. Send the request
     *       again after `Retry-After` seconds; repeating it is safe.
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
        /** @description The id of the task. */
        id: components['parameters']['TaskId']
        /** @description The number of the step that waits for approval; `waitingFor.step` of the task contains the number. */
        step: number
      }
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Approve or refuse a step that waits for approval.
     * @description The task resumes after an approval and after a refusal. After a refusal the worker does not make the call,
     *     and the model gets the refusal with your note. Sending the same decision again answers `200` and changes
     *     nothing.
     *
     *     Errors:
     *
     *     - `404 task-not-found`: you have no task with this id; check the id.
     *     - `409 not-waiting`: the task is not waiting for approval of this step. Send the step that the field
     *       `waitingFor` of the task names.
     *     - `409 decided-otherwise`: the opposite decision on this step is stored and cannot be changed.
     *     - `409 already-finished`: the task has ended, so none of its steps waits for approval.
     *     - `403 other-key-required`: your key submitted the task, and the task demands that another key decides.
     *     - `503 coordinator-unavailable`: the gateway does not know whether the decision was stored. Send the request
     *       again after `Retry-After` seconds; repeating it is safe.
     */
    post: operations['approveStep']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/tasks/{id}/text': {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The id of the task. */
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    /**
     * Read the text that the running attempt has written so far.
     * @description A client that starts to follow a running task reads here the text that the stream has sent before. The
     *     gateway asks the nodes, so the answer takes about a third of a second. The text is empty if no attempt
     *     runs or the attempt has written nothing. If `offset` is above 0, the node no longer keeps the beginning
     *     of the text.
     *
     *     Errors:
     *
     *     - `404 task-not-found`: you have no task with this id. Check the id; the fleet keeps ended tasks for a
     *       limited time.
     */
    get: operations['getTaskText']
    put?: never
    post?: never
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
        /** @description The id of the task. */
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    /**
     * Read the event history of a task.
     * @description The answer has the stored events that match the parameters, oldest first, up to about 4 MiB. As long as
     *     the answer has `nextAfter`, more events may follow: send the request again with this value as `after`.
     *     An answer can be empty and still have `nextAfter`.
     *
     *     Errors:
     *
     *     - `404 task-not-found`: you have no task with this id. Check the id; an ended task is kept for a
     *       limited time.
     */
    get: operations['getTaskEvents']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/tasks/{id}/calls/{step}': {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The id of the task. */
        id: components['parameters']['TaskId']
        /** @description The position of the call in the run, from 0; the events `call-finished` of the task contain the number. The last call of a completed task has the highest step plus one. */
        step: number
      }
      cookie?: never
    }
    /**
     * Read one finished call of a task with its messages or its arguments.
     * @description A call to a model has the messages that the model got, and the tool calls that the model requested. A tool
     *     call has the arguments that the model wrote. The log stores the answers of all calls; the gateway derives
     *     the messages from the task and the earlier answers. A message without `content` has a text that the log does
     *     not store: the worker told the model which rules of the schema its answer broke. The call of a goal has no
     *     `messages`, because these also contain results of other tasks.
     *
     *     A text with `cut` is only the beginning of a text of `bytes` bytes. All earlier messages together have at
     *     most 1 MiB; the oldest messages lose their text first. `GET /v1/tasks/{id}/events` has the whole answers.
     *
     *     Errors:
     *
     *     - `404 task-not-found`: you have no task with this id. Check the id; an ended task is kept for a
     *       limited time.
     *     - `404 call-not-found`: the task has no finished call with this step. The log stores neither a call that is
     *       under way nor a failed call.
     */
    get: operations['getTaskCall']
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
    /**
     * List the agents that your tasks can use.
     * @description The list has your own definitions and the built-in definitions, sorted by name. If your own definition
     *     has the name of a built-in definition, the list has only your own definition.
     */
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
        /** @description The name of the agent. */
        name: components['parameters']['AgentName']
      }
      cookie?: never
    }
    /**
     * Read the definition of an agent.
     * @description Errors:
     *
     *     - `404 agent-not-found`: no definition has this name, or the definition has no such version. `GET
     *       /v1/agents` lists the names; the fleet keeps the latest 20 versions of each definition.
     */
    get: operations['getAgent']
    /**
     * Create or change the definition of an agent.
     * @description The gateway stores the definition as a new version, unless it equals the newest version. If a built-in agent
     *     has the same name, your tasks use your definition instead of the built-in definition. A task keeps the
     *     definition with which it was submitted.
     *
     *     Errors:
     *
     *     - `409 agents-full`: you have 200 definitions, the most allowed. Delete a definition before you create
     *       another definition.
     *     - `412 version-mismatch`: the definition is not in the version that `If-Match` or `If-None-Match` expects,
     *       or other clients are changing the definition now. Read the definition again, then send your change with
     *       the new ETag.
     *     - `422 unsupported-schema`, `422 schema-too-costly`: the gateway cannot use `responseSchema`. Write the
     *       schema in JSON Schema 2020-12 or draft-07, with fewer references.
     *     - `503 overloaded`: the gateway had no time to check `responseSchema`. Send the request again after
     *       `Retry-After` seconds.
     */
    put: operations['putAgent']
    post?: never
    /**
     * Delete your definition of an agent.
     * @description If a built-in agent has the same name, tasks that you submit later use the built-in definition. Deleting a
     *     definition that does not exist also answers `204`.
     *
     *     Errors:
     *
     *     - `409 agent-shipped`: the agent is built in, and you have no definition with its name. To change a built-in
     *       agent, store your own definition with the name of the agent.
     *     - `412 version-mismatch`: the definition is not in the version that `If-Match` expects. Read the definition
     *       again, then delete the definition with the new ETag.
     */
    delete: operations['deleteAgent']
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/agents/{name}/versions': {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The name of the agent. */
        name: components['parameters']['AgentName']
      }
      cookie?: never
    }
    /**
     * List the versions of an agent, newest first.
     * @description The fleet keeps the latest 20 versions of each definition. If a built-in agent has this name, the built-in
     *     definition is last in the list.
     *
     *     Errors:
     *
     *     - `404 agent-not-found`: no agent has this name; `GET /v1/agents` lists the names.
     */
    get: operations['listAgentVersions']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/models': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * List the models that the nodes serve.
     * @description A name that ends with `*` means every model whose name begins with the text before the `*`. The list comes
     *     from the reports that nodes sent in the last 30 seconds.
     */
    get: operations['listModels']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/tools': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * List the tools that agents may use.
     * @description `tools` lists the tools that worker nodes offer now, with the number of nodes that offer each tool. If
     *     neither a task nor the definition of its agent has the field `tools`, the agent may use the tools with the
     *     source `built-in`.
     *
     *     `mcpProblems` lists the MCP servers that now lack a configured tool, for example because a worker cannot
     *     reach the server. The log of the worker has the details of each problem with an MCP server.
     */
    get: operations['listTools']
    put?: never
    post?: never
    delete?: never
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
    /**
     * List your goals that match every filter.
     * @description The operation works like `GET /v1/tasks` with `kind=goal`. Read a goal to see its plan and its stage.
     *
     *     Errors:
     *
     *     - `400 invalid-cursor`: the cursor belongs to a query with other filters. Send each cursor with the filters
     *       of the query that returned the cursor, or start without a cursor.
     *     - `503 store-unavailable`: Redis does not answer. Send the request again after `Retry-After` seconds.
     */
    get: operations['listGoals']
    put?: never
    /**
     * Submit a goal.
     * @description An agent, the planner, writes a plan of steps. Each step names the agent that does the step (its role) and
     *     the steps on which it depends. The fleet runs each step as a task, and the planner combines the results into
     *     one answer. A plan is invalid if steps depend on each other in a circle, if a role is unknown, if there are
     *     too many steps, or if a chain of steps is too long. The planner replaces a plan that is invalid or has
     *     failed, at most `maxReplans` times.
     *
     *     With `"run": false` the plan waits for `POST /v1/goals/{id}/run`. A goal is also a task: the task operations
     *     and the stream accept its id, and cancelling the goal cancels its steps.
     *
     *     Errors: `POST /v1/goals` returns the same error codes as `POST /v1/tasks`.
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
        /** @description The id of the task. */
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    /**
     * Read a goal with its plans and the states of their steps.
     * @description Errors:
     *
     *     - `404 task-not-found`: you have no goal with this id. Check the id; if the id belongs to a task, read
     *       the task at `/v1/tasks/{id}`.
     */
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
        /** @description The id of the task. */
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Run a plan that waits for approval.
     * @description The operation starts the plan of a goal that was submitted with `"run": false`. Sending the request again
     *     answers `200` and changes nothing.
     *
     *     Errors:
     *
     *     - `404 task-not-found`: you have no goal with this id; check the id.
     *     - `409 not-waiting`: the planner has not finished the plan, or the goal was submitted to run at once. You
     *       can run the plan of a goal only while `stage` of the goal is `held`.
     *     - `409 already-finished`: the goal has ended, so its plan cannot run.
     *     - `409 decided-otherwise`: a person refused the plan earlier, and this refusal cannot be changed.
     *     - `503 coordinator-unavailable`: the gateway does not know whether the plan was started. Send the request
     *       again after `Retry-After` seconds; repeating it is safe.
     */
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
    /**
     * List your schedules, sorted by name.
     * @description The list is complete; a tenant has at most 200 schedules.
     */
    get: operations['listSchedules']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/schedules:preview': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Compute the next times (ticks) that a cron expression names.
     * @description The gateway stores nothing. A wrong expression gets the same error as in `PUT /v1/schedules/{name}`.
     */
    post: operations['previewSchedule']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/schedules/{name}/run': {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The name of the schedule. */
        name: string
      }
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Submit the task of a schedule now.
     * @description The gateway submits the task of the schedule at once, even while the schedule is paused. The schedule keeps
     *     its usual times. With an idempotency key, repeated requests submit only one task.
     *
     *     Errors:
     *
     *     - `404 schedule-not-found`: you have no schedule with this name; check the name.
     *     - `503 overloaded`, `503 log-full`, `503 outcome-unknown`: these codes mean the same as for `POST
     *       /v1/tasks`.
     */
    post: operations['runSchedule']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/schedules/{name}/ticks': {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The name of the schedule. */
        name: string
      }
      cookie?: never
    }
    /**
     * Read the next times (ticks) of a schedule, and its last times with their tasks.
     * @description The gateway computes the last ticks (times of submission) from the present cron expression. The list has the
     *     ticks whose task is still stored, and the last tick if the schedule skipped it. Tasks of `POST
     *     /v1/schedules/{name}/run` are not in the list.
     *
     *     Errors:
     *
     *     - `404 schedule-not-found`: you have no schedule with this name. Check the name.
     *     - `503 store-unavailable`: Redis does not answer. Send the request again after `Retry-After` seconds.
     */
    get: operations['listScheduleTicks']
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
        /** @description The name of the schedule. */
        name: string
      }
      cookie?: never
    }
    /**
     * Read a schedule with the last and the next time (tick) at which it submits its task.
     * @description Errors:
     *
     *     - `404 schedule-not-found`: you have no schedule with this name. `GET /v1/schedules` lists your
     *       schedules.
     */
    get: operations['getSchedule']
    /**
     * Create or replace a schedule.
     * @description At each tick (each time that the cron expression names) the fleet submits the task once. If the fleet was
     *     down during several ticks, it submits the task once, for the last missed tick. The task may contain neither
     *     `idempotencyKey` nor `dependsOn`.
     *
     *     Errors:
     *
     *     - `409 schedules-full`: you have 200 schedules, the most allowed. Delete a schedule before you create
     *       another schedule.
     *     - `412 version-mismatch`: the schedule is not in the version that `If-Match` or `If-None-Match` expects, or
     *       other clients are changing the schedule now. Read the schedule again, then send your change with the new
     *       ETag.
     *     - `422 unknown-agent`, `422 unknown-tool`, `422 unknown-model`, `422 unknown-agent-version`, `422
     *       unsupported-schema`, `422 schema-too-costly`: these codes mean the same as for `POST /v1/tasks`.
     */
    put: operations['putSchedule']
    post?: never
    /**
     * Delete a schedule.
     * @description The tasks that the schedule has submitted are not deleted. Deleting a schedule that does not exist also
     *     answers `204`.
     *
     *     Errors:
     *
     *     - `412 version-mismatch`: the schedule is not in the version that `If-Match` expects. Read the schedule
     *       again, then delete the schedule with the new ETag.
     */
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
     * Follow tasks, decisions, incidents and numbers over a WebSocket.
     * @description The client sends `ClientFrame` and receives `ServerFrame`, each as JSON in a text frame.
     *
     *     - A subscription to tasks first replays the events after `after`, then sends new events live. The events of
     *       a task come in the order of `seq`, without gaps and without duplicates.
     *     - With `deltas` the stream also sends the text of a running attempt while the model writes it. If the client
     *       reads too slowly, the gateway omits some pieces of the text (deltas).
     *     - A subscription to `fleet` sends every decision and incident from now on. The stream sends a decision again
     *       when one of its outcomes is measured, and an incident again at each of its stages.
     *     - With the topic `nodes` the stream sends all nodes, then at most twice a second the nodes that have
     *       changed.
     *     - A subscription to `stats` sends one frame a second with the numbers of your tasks by state and of the
     *       fleet.
     *
     *     In the following example a client sends the first line to follow a task from its beginning, and the gateway
     *     sends the second and the third line:
     *
     *     ```json
     *     {"type":"subscribe","taskIds":["019a3c2f-5f1e-7b6a-9c3d-2e8f4a1b7d90"],"after":0}
     *     {"type":"event","taskId":"019a3c2f-5f1e-7b6a-9c3d-2e8f4a1b7d90","seq":1042,"event":{"type":"submitted","atMs":1769860800000}}
     *     {"type":"subscribed","taskIds":["019a3c2f-5f1e-7b6a-9c3d-2e8f4a1b7d90"],"ended":[]}
     *     ```
     *
     *     Send the API key as `Authorization: Bearer <key>`, as the query parameter `access_token`, or as the
     *     subprotocol `bearer.<key>` together with the subprotocol `agentfleet`. A web page sends the query parameter
     *     `ticket` instead of an API key.
     *
     *     The gateway closes the connection with the code 1001 (the gateway stops), 1008 (it received five unreadable
     *     frames) or 1013 (the client reads too slowly). If the client reads no byte for 20 s, the connection ends
     *     without a code. To continue without a gap, connect again and subscribe with `after`. The gateway closes the
     *     connection with the code 4401 when the key is revoked or has expired; connect again with another key.
     *
     *     Errors:
     *
     *     - `403 origin-refused`: web pages of this origin may not connect. The operator can allow an origin in the
     *       environment variable `ALLOWED_ORIGINS` of the gateway.
     *     - `426 upgrade-required`: the request is not a WebSocket upgrade; use a WebSocket client.
     *     - `429 too-many-connections`: you already have the maximum number of connections open. Follow several tasks
     *       over one connection, or close a connection and try again after `Retry-After` seconds.
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
     * Read your usage and its cost by day and model.
     * @description The fleet counts every LLM call in a task's history once, about a second after the call. A report covers at
     *     most 92 days.
     *
     *     Errors:
     *
     *     - `403 operators-only`: only operators may read the usage of the whole fleet. Omit `scope` to read your own
     *       usage.
     *     - `503 store-unavailable`: Redis does not answer. Send the request again after `Retry-After` seconds.
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
  '/v1/stats': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Read what happened to your tasks over time.
     * @description The coordinators count every event of every task in the log, so a restart loses no counts. The coordinators
     *     keep the counts of steps of `10s` for an hour, of `1m` for a day and of `1h` for a week. If a fleet has very
     *     many agents and models, the coordinators keep the counts for a shorter time; the answer is complete from the
     *     time `knownFrom`. The answer has no point for a step in which nothing happened. Quantiles differ from the
     *     exact values by at most 10 %.
     *
     *     `started` counts a run at the time of its first event in the log. `lost` counts runs whose node became
     *     silent after it had reported a call. With `groupBy` the answer has at most 20 groups; the last group,
     *     `(others)`, is the sum of all remaining groups.
     *
     *     Errors:
     *
     *     - `403 operators-only`: only operators may read figures of the whole fleet. Omit `scope` to read your own
     *       figures.
     *     - `503 coordinator-unavailable`: no coordinator has read the log yet. Send the request again after
     *       `Retry-After` seconds.
     */
    get: operations['getStats']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/queues': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Read how many of your tasks wait for a node, by priority.
     * @description A queue holds the tasks of one tenant with one priority. The list has at most 1,000 queues, sorted by the
     *     number of waiting tasks, the largest number first. Empty queues are not in the list. The figures are at most
     *     a second old.
     *
     *     Errors:
     *
     *     - `403 operators-only`: only operators may read figures of the whole fleet. Omit `scope` to read your own
     *       figures.
     *     - `503 coordinator-unavailable`: no coordinator has read the log yet. Send the request again after
     *       `Retry-After` seconds.
     */
    get: operations['listQueues']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/limits': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Read your limits and how much of each you use.
     * @description The answer has the limits that the operator has set for you. Without a limit you may hold half of what other
     *     tenants leave free. `holds` says how many tasks and how many bytes of the log you use now. `holds` is at
     *     most a second old; it is missing until a coordinator has announced these numbers. `spent` is missing while
     *     Redis does not answer. `budget` is missing if the operator has set no budget for you. The limits of providers
     *     and their circuit breakers are in `GET /v1/fleet`.
     */
    get: operations['getLimits']
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
    /**
     * Read the state of the nodes and the totals of the fleet.
     * @description The answer is the last snapshot of the health monitor. If no snapshot came in the last 5 seconds,
     *     `status` is `unknown` and `explanation` says why.
     */
    get: operations['getFleet']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/fleet/nodes/{id}': {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The id of the node. */
        id: components['parameters']['NodeId']
      }
      cookie?: never
    }
    /**
     * Read a node and your tasks that run on it.
     * @description The node comes from the last snapshot of the health monitor, the tasks from Redis.
     *
     *     Errors:
     *
     *     - `404 node-not-found`: the fleet has no node with this id; `GET /v1/fleet` lists the ids.
     *     - `503 store-unavailable`: Redis does not answer. Send the request again after `Retry-After` seconds.
     */
    get: operations['getNode']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/fleet/nodes/{id}/drain': {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The id of the node. */
        id: components['parameters']['NodeId']
      }
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Ask a node to finish its work and exit.
     * @description The node finishes its runs and accepts no new tasks. The program that starts nodes (`npm start`, Docker
     *     Compose or Kubernetes) decides whether another node takes its place. Repeating the request is safe.
     *
     *     Errors:
     *
     *     - `404 node-not-found`: the fleet has no node with this id; `GET /v1/fleet` lists the ids.
     *     - `503 node-unavailable`: the node did not answer. Send the request again after `Retry-After` seconds.
     */
    post: operations['drainNode']
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
     * @description The gateway keeps the latest 2,000 decisions. Each decision has the outcomes that were measured so far: 1, 5
     *     and 15 minutes after the decision. Every key with the scope `fleet:read` may read the decisions; only
     *     operators see task ids and the raw answer of the adviser.
     *
     *     Errors:
     *
     *     - `400 invalid-cursor`: the cursor belongs to a query with other filters. Send each cursor with the filters
     *       of the query that returned the cursor, or start without a cursor.
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
        /** @description The id of the decision or incident. */
        id: components['parameters']['RecordId']
      }
      cookie?: never
    }
    /**
     * Read a decision with its outcomes.
     * @description Errors:
     *
     *     - `404 decision-not-found`: none of the latest 2,000 decisions has this id; check the id.
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
     * List the incidents, newest first.
     * @description An incident records the failure of one node and what the fleet did about it. The list has the latest 500
     *     incidents by detection time; `GET /v1/incidents/{id}` also finds older incidents. Every key with the scope
     *     `fleet:read` may read the incidents; only operators see task ids and the raw answer of the adviser.
     *
     *     Errors:
     *
     *     - `400 invalid-cursor`: the cursor belongs to a query with other filters. Send each cursor with the filters
     *       of the query that returned the cursor, or start without a cursor.
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
        /** @description The id of the decision or incident. */
        id: components['parameters']['RecordId']
      }
      cookie?: never
    }
    /**
     * Read an incident.
     * @description Errors:
     *
     *     - `404 incident-not-found`: no incident with this id is kept. Check the id; the fleet keeps incidents
     *       for seven days.
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
  '/v1/me': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Read what your key may do.
     * @description Every valid key may use this operation, for example to check whether the key works.
     */
    get: operations['getMe']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/keys': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * List the keys of all tenants, or of one tenant.
     * @description The list includes revoked and expired keys. The list includes neither the keys of `API_KEYS` nor any secret.
     *
     *     Errors:
     *
     *     - `400 invalid-cursor`: the cursor belongs to a query with another tenant. Start without a cursor.
     */
    get: operations['listKeys']
    put?: never
    /**
     * Make a key.
     * @description The answer contains the key itself in `key`. The fleet stores only a digest of the key, so no later
     *     answer shows the key again. The key works at every gateway within a second.
     *
     *     Errors:
     *
     *     - `400 invalid-request`: `expiresAt` is in the past, or another field is wrong.
     *     - `409 keys-full`: the store of keys is nearly full; the gateway stored nothing. Revoke keys that no
     *       client uses; the fleet deletes a revoked key after 30 days.
     */
    post: operations['createKey']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/keys/{id}': {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The id of the key. */
        id: components['parameters']['KeyId']
      }
      cookie?: never
    }
    /**
     * Read a key.
     * @description Errors:
     *
     *     - `404 key-not-found`: no key has this id; `GET /v1/keys` lists the keys.
     */
    get: operations['getKey']
    put?: never
    post?: never
    /**
     * Revoke a key.
     * @description The key stops working at every gateway within two seconds, and the gateway closes its open streams with the
     *     code 4401. A key cannot be restored. Revoking a revoked key answers `204` again.
     *
     *     Errors:
     *
     *     - `404 key-not-found`: no key has this id; `GET /v1/keys` lists the keys.
     */
    delete: operations['revokeKey']
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/keys/{id}/rotate': {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The id of the key. */
        id: components['parameters']['KeyId']
      }
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Give a key a new secret.
     * @description The answer contains the key with its new secret. The old secret still works for `overlapSeconds`, so that
     *     you can give the new secret to one client after the other. If you rotate the key again while two secrets
     *     work, the older secret stops working at once.
     *
     *     Errors:
     *
     *     - `404 key-not-found`: no key has this id; `GET /v1/keys` lists the keys.
     *     - `409 key-revoked`: the key is revoked; make another key.
     */
    post: operations['rotateKey']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/tickets': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Make a ticket for one stream.
     * @description A web page cannot set a header when it opens a WebSocket, and logs contain addresses, so an address must
     *     not contain a key. Your server makes a ticket with its key, and the page opens the address
     *     `/v1/stream?ticket=<ticket>`. A ticket opens one stream within 30 seconds, with the rights of the key.
     *
     *     Errors:
     *
     *     - `503 store-unavailable`: Redis does not answer. Send the request again after `Retry-After` seconds.
     */
    post: operations['createTicket']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/audit': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Read the audit log (changes and refused requests), newest first.
     * @description The fleet keeps the latest 256 MiB of events for at most 90 days. The gateway combines equal refusals within
     *     one second into one event; `count` is the number of these refusals. A page can have fewer than `limit`
     *     events even when there are more pages (`nextCursor` is present).
     *
     *     Errors:
     *
     *     - `400 invalid-cursor`: the cursor belongs to a query with other filters. Send each cursor with the filters
     *       of the query that returned the cursor, or start without a cursor.
     */
    get: operations['listAudit']
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
    /**
     * Read the OpenAPI document of this API.
     * @description The request needs no API key.
     */
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
    /**
     * Check that the gateway process answers.
     * @description The request needs no API key. If the request gets no answer, restart the process.
     */
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
    /**
     * Check that the gateway can serve requests now.
     * @description The request needs no API key. While the answer is `503`, send your requests to another gateway.
     */
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
      /** @description The tasks for which the agent is suited. People and planners read this text. */
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
    StatsPoint: {
      /** @description The time at which the step begins. */
      at: string
      submitted: number
      /** @description The number of runs that nodes have begun. */
      started: number
      completed: number
      failed: number
      cancelled: number
      /** @description The number of failed attempts that the fleet repeats. */
      retried: number
      /** @description The number of runs that another run replaced because their node became silent. */
      lost: number
      llmCalls: number
      inputTokens: number
      outputTokens: number
      /** @description The cost of the calls to models that have a price. */
      costUsd: number
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
        /** @description The largest number of your tasks in flight. */
        concurrency?: number
        /** @description The largest number of your tasks that have not ended. */
        tasks?: number
        /** @description The largest number of bytes that the events of your tasks may use in the log. */
        logBytes?: number
        agents?: number
        schedules?: number
        /** @description The largest number of open connections to one gateway. */
        streams?: number
        /** @description The largest number of requests that one gateway holds for `Prefer` at a time. */
        heldRequests?: number
      }
      holds?: {
        /** @description The number of your tasks that have not ended. */
        tasks: number
        /** @description The number of your ended tasks that are still stored. */
        ended: number
        /** @description The number of bytes that the events of all your tasks use in the log. */
        logBytes: number
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
        tokensPerHour?: number
        usdPerHour?: number
        tokensPerDay?: number
        usdPerDay?: number
      }
      /** @description How full the stores are; only operators see `stores`. If the fleet does not know the size of a store, `maxBytes` of the store is 0. */
      stores?: {
        log: components['schemas']['StoreFill']
        redis: components['schemas']['StoreFill']
      }
    }
    Spent: {
      tokens: number
      costUsd: number
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
      /** @description The largest number of tasks of the tenant in flight; absent if there is no limit. */
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
      /** @description The days (UTC) that have usage, oldest first. */
      days: {
        day: string
        total: components['schemas']['Usage']
        models: {
          model: string
          provider: string
          usage: components['schemas']['Usage']
        }[]
        /** @description The hours that have usage; present only with `groupBy=hour`. */
        hours?: {
          /** @description From 0 to 23. */
          hour: number
          tokens: number
          costUsd: number
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
      /** @description The key that submitted the task or its parent; absent on a gateway without keys. */
      submittedBy?: string
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
     * @description With `other-keys` the key that submitted the task may not decide on its steps or on its held plan; another key must decide. `other-keys` also applies to the children of the task. With `any`, the default, every key with the scope `tasks:approve` may decide.
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
      /** @description The name of the person who decides, for keys that several people use. The API returns the name with the task; the model does not read the name. */
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
      /** @description A cron expression with five fields, or with six if seconds come first. The expression must name a time in the future, and at most one time a second. */
      cron: string
      /**
       * @description The IANA time zone of the expression.
       * @default UTC
       */
      timeZone?: string
      /**
       * @description With `skip` the schedule submits no new task while its previous task has not ended.
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
      /** @description Whether the schedule skipped its last submission because the previous task had not ended. */
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
        /** @description Whether the schedule submitted no task at this time because its previous task had not ended. */
        skipped: boolean
        taskId?: string
        state?: components['schemas']['TaskState']
      }[]
    }
    ScheduleList: {
      schedules: components['schemas']['Schedule'][]
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
      /** @description The step of the call whose answer the message contains or answers; the two messages that contain the task have no `step`. */
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
      /** @description The ended task that made and paid for the call; present if your task continues from the calls of this task. Such a call has no `seq`, `attempt`, `node` and `endedAtMs`. */
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
      /** @description The cost of your tasks today (UTC); missing while Redis does not answer the gateway. */
      costTodayUsd?: number
      nodes: components['schemas']['Node'][]
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
      /** @description Your tasks that run on the node, newest first. */
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
    Readiness: {
      ok: boolean
      reason?: string
      /** @description The names of the parts that do not work now. With `store-away` lists answer 503; with `log-full` new tasks answer 503. The other names are `usage-away`, `discovery-away` and `callerLimits-away`. */
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
    /** @description The only agents that tasks of the key may use; without `agents` the tasks may use every agent. A task of a key with `agents` must name its agent and may contain neither `agentDefinition`, `systemPrompt` nor `tools`. */
    KeyAgents: string[]
    KeyRequest: {
      /** @description What the key is for. */
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
    /** @description A change through the API, or several equal refused requests within one second. */
    AuditEvent: {
      /** @description The position in the audit log. */
      seq: number
      at: string
      /** @enum {string} */
      kind: 'change' | 'refusal'
      /** @description The `operationId` of the request; `others` means several operations together, because one second had too many different refusals. */
      operation: string
      /** @description The key of the request; absent if the gateway did not recognise a key. */
      keyId?: string
      tenant?: string
      /** @description The changed task, agent, schedule or key, by its id or name. */
      target?: string
      /** @description The remote address of the connection. */
      address?: string
      status: number
      /** @description The code of a refusal. */
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
    /** @enum {string} */
    FleetStatus: 'ok' | 'no-available-nodes' | 'unknown'
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
export type $defs = Record<string, never>
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
  submitTask: {
    parameters: {
      query?: never
      header?: {
        /** @description Requests with the same key and the same body return the same task. */
        'Idempotency-Key'?: components['schemas']['IdempotencyKey']
        /** @description With `wait=N` (RFC 7240) the gateway waits up to N seconds for the end of the task before it answers. N is from 1 to 60; a larger N counts as 60. */
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
      /** @description The task has ended: the request waited for the end of the task, or an earlier request with the same key had submitted the task. */
      200: {
        headers: {
          /** @description `wait=N` if the gateway delayed its response until the task ended, as `Prefer: wait=N` asked. */
          'Preference-Applied'?: string
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Task']
        }
      }
      /** @description The task is stored and will run. */
      202: {
        headers: {
          /** @description The path at which the task can be read. */
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
  cancelTasks: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['BulkCancelRequest']
      }
    }
    responses: {
      /** @description The tasks that the gateway cancelled, and those that it could not cancel. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['BulkCancelPage']
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
        /** @description Requests with the same key replay each ended task once. */
        'Idempotency-Key'?: components['schemas']['IdempotencyKey']
      }
      path?: never
      cookie?: never
    }
    requestBody?: {
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
        /** @description Replays of one task with the same key return the same new task. */
        'Idempotency-Key'?: components['schemas']['IdempotencyKey']
      }
      path: {
        /** @description The id of the task. */
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
      /** @description The task of an earlier replay with the same key; this task has ended. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Task']
        }
      }
      /** @description The new task is stored and will run. */
      202: {
        headers: {
          /** @description The path at which the new task can be read. */
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
        /** @description The id of the task. */
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The task. */
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
        /** @description The id of the task. */
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
        /** @description The id of the task. */
        id: components['parameters']['TaskId']
        /** @description The number of the step that waits for approval; `waitingFor.step` of the task contains the number. */
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
      /** @description The task, which resumes after the decision. */
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
  getTaskText: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The id of the task. */
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The text so far. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['TaskText']
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
  getTaskCall: {
    parameters: {
      query?: {
        /** @description The largest number of bytes (UTF-8) of each text in the answer. */
        textBytes?: number
      }
      header?: never
      path: {
        /** @description The id of the task. */
        id: components['parameters']['TaskId']
        /** @description The position of the call in the run, from 0; the events `call-finished` of the task contain the number. The last call of a completed task has the highest step plus one. */
        step: number
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The call. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['TaskCall']
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
      /** @description The newest version of every definition. */
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
        /** @description One of the latest 20 versions of the definition; by default the newest version. */
        version?: number
      }
      header?: never
      path: {
        /** @description The name of the agent. */
        name: components['parameters']['AgentName']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The definition. */
      200: {
        headers: {
          /** @description The version of the definition; send it as `If-Match` when you change the definition. */
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
        /** @description The `ETag` of the version that you change. If the definition or schedule is in another version, the gateway answers `412`. */
        'If-Match'?: components['parameters']['IfMatch']
        /** @description With `*` the gateway stores the definition only if you have no definition with this name. */
        'If-None-Match'?: '*'
      }
      path: {
        /** @description The name of the agent. */
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
      /** @description The definition is stored and replaces an earlier version. */
      200: {
        headers: {
          /** @description The version of the definition; send it as `If-Match` when you change the definition. */
          ETag?: string
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Agent']
        }
      }
      /** @description The definition is stored; you had no definition with this name. */
      201: {
        headers: {
          /** @description The version of the definition; send it as `If-Match` when you change the definition. */
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
        /** @description The `ETag` of the version that you change. If the definition or schedule is in another version, the gateway answers `412`. */
        'If-Match'?: components['parameters']['IfMatch']
      }
      path: {
        /** @description The name of the agent. */
        name: components['parameters']['AgentName']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description You have no definition with this name now. */
      204: {
        headers: {
          [name: string]: unknown
        }
        content?: never
      }
      default: components['responses']['Problem']
    }
  }
  listAgentVersions: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The name of the agent. */
        name: components['parameters']['AgentName']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The versions. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['AgentVersions']
        }
      }
      default: components['responses']['Problem']
    }
  }
  listModels: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The models, sorted by name. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['ModelList']
        }
      }
      default: components['responses']['Problem']
    }
  }
  listTools: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The tools that the worker nodes offer now, ordered by name. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['ToolList']
        }
      }
      default: components['responses']['Problem']
    }
  }
  listGoals: {
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
      /** @description One page of goals. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['GoalPage']
        }
      }
      default: components['responses']['Problem']
    }
  }
  submitGoal: {
    parameters: {
      query?: never
      header?: {
        /** @description Requests with the same key and the same body return the same goal. */
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
      /** @description The goal is stored; the planner will write a plan. */
      202: {
        headers: {
          /** @description The path at which the goal can be read. */
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
        /** @description The id of the task. */
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
        /** @description The id of the task. */
        id: components['parameters']['TaskId']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The goal, whose plan runs. */
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
      /** @description All your schedules. */
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
  previewSchedule: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['SchedulePreviewRequest']
      }
    }
    responses: {
      /** @description The next times (ticks) that the expression names, in UTC. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['SchedulePreview']
        }
      }
      default: components['responses']['Problem']
    }
  }
  runSchedule: {
    parameters: {
      query?: never
      header?: {
        /** @description Requests with the same key submit only one task. */
        'Idempotency-Key'?: components['schemas']['IdempotencyKey']
      }
      path: {
        /** @description The name of the schedule. */
        name: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description An earlier request with the same key submitted this task, which has ended. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Task']
        }
      }
      /** @description The task is stored and will run. */
      202: {
        headers: {
          /** @description The path at which the task can be read. */
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
  listScheduleTicks: {
    parameters: {
      query?: {
        /** @description The number of ticks (times of submission) that the gateway examines in each direction. */
        count?: number
      }
      header?: never
      path: {
        /** @description The name of the schedule. */
        name: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The ticks. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['ScheduleTicks']
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
        /** @description The name of the schedule. */
        name: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The schedule. */
      200: {
        headers: {
          /** @description The version of the schedule. Send it as `If-Match` when you change the schedule. */
          ETag?: string
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
      header?: {
        /** @description The `ETag` of the version that you change. If the definition or schedule is in another version, the gateway answers `412`. */
        'If-Match'?: components['parameters']['IfMatch']
        /** @description With `*` the gateway stores the schedule only if you have no schedule with this name. */
        'If-None-Match'?: '*'
      }
      path: {
        /** @description The name of the schedule. */
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
          /** @description The version of the schedule. Send it as `If-Match` when you change the schedule. */
          ETag?: string
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Schedule']
        }
      }
      /** @description The schedule is created. */
      201: {
        headers: {
          /** @description The version of the schedule. Send it as `If-Match` when you change the schedule. */
          ETag?: string
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
      header?: {
        /** @description The `ETag` of the version that you change. If the definition or schedule is in another version, the gateway answers `412`. */
        'If-Match'?: components['parameters']['IfMatch']
      }
      path: {
        /** @description The name of the schedule. */
        name: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description You have no schedule with this name now. */
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
        /** @description A ticket of `POST /v1/tickets`, for web pages. */
        ticket?: string
        /** @description The API key, for clients that cannot set a header. */
        access_token?: string
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The connection is now a WebSocket. */
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
        /** @description The first day (UTC). Default: 29 days before `to`. */
        from?: string
        /** @description The last day (UTC). Default: today. */
        to?: string
        /** @description `fleet` returns the usage of all tenants together; only operators may ask for it. */
        scope?: 'tenant' | 'fleet'
        /** @description With `hour`, each day also lists its hours (UTC). The figures of an hour cover all models together. */
        groupBy?: 'model' | 'hour'
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
  listQueues: {
    parameters: {
      query?: {
        /** @description `fleet` returns the queues of all tenants; only operators may ask for it. */
        scope?: 'tenant' | 'fleet'
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The queues. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['QueueList']
        }
      }
      default: components['responses']['Problem']
    }
  }
  getLimits: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The limits. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['TenantLimits']
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
  getNode: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The id of the node. */
        id: components['parameters']['NodeId']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The node. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['NodeDetail']
        }
      }
      default: components['responses']['Problem']
    }
  }
  drainNode: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The id of the node. */
        id: components['parameters']['NodeId']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The node has received the request. */
      202: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Node']
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
  getDecision: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The id of the decision or incident. */
        id: components['parameters']['RecordId']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The decision. */
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
  getIncident: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The id of the decision or incident. */
        id: components['parameters']['RecordId']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The incident with the stages that it has reached. */
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
  getMe: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The key as the gateway knows it, without its secret. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Me']
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
  createKey: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['KeyRequest']
      }
    }
    responses: {
      /** @description The new key with its secret. */
      201: {
        headers: {
          /** @description The path at which the key can be read. */
          Location?: string
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['KeyCreated']
        }
      }
      default: components['responses']['Problem']
    }
  }
  getKey: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The id of the key. */
        id: components['parameters']['KeyId']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The key without its secret. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Key']
        }
      }
      default: components['responses']['Problem']
    }
  }
  revokeKey: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The id of the key. */
        id: components['parameters']['KeyId']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The key is revoked. */
      204: {
        headers: {
          [name: string]: unknown
        }
        content?: never
      }
      default: components['responses']['Problem']
    }
  }
  rotateKey: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The id of the key. */
        id: components['parameters']['KeyId']
      }
      cookie?: never
    }
    requestBody?: {
      content: {
        'application/json': components['schemas']['KeyRotation']
      }
    }
    responses: {
      /** @description The key with its new secret. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['KeyCreated']
        }
      }
      default: components['responses']['Problem']
    }
  }
  createTicket: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The ticket. */
      201: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Ticket']
        }
      }
      default: components['responses']['Problem']
    }
  }
  listAudit: {
    parameters: {
      query?: {
        /** @description Return only changes, or only refused requests. */
        kind?: 'change' | 'refusal'
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
      /** @description The process works. */
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
      /** @description The gateway can serve requests. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Readiness']
        }
      }
      /** @description The gateway cannot serve requests now; `reason` says why. */
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
