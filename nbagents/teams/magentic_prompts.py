"""What the orchestrator of `MagenticOneGroupChat` asks its model: own words, one text for each question."""

from __future__ import annotations

FACTS = """A team will work on the request below. Before it begins, write down what is known. Think of it as preparing
a case file; do not solve the request yet.

REQUEST
{task}

Write four short lists under these headings, and nothing else:
1. GIVEN: facts that the request itself states, figures and names included.
2. TO FIND: what must be looked up, and where it is likely to be found.
3. TO WORK OUT: what must be computed or concluded.
4. ASSUMED: what is likely from memory or judgement, each marked as a guess."""

PLAN = """This team is available:

{team}

Using these members and the case file, write a plan as a short list of steps. Name the member for each step. Not
everybody must take part."""

LEDGER_MESSAGE = """The request:

{task}

The team:

{team}

What is known so far:

{facts}

The plan:

{plan}"""

PROGRESS = """The request is:

{task}

The team is:

{team}

Look at the whole conversation so far and judge it. Answer with one JSON object, without any text around it, that has
exactly these five keys, each holding an object with a "reason" (one sentence) and an "answer":

- "is_request_satisfied": answer true or false. Has the request been dealt with completely and correctly?
- "is_in_loop": answer true or false. Are the same requests or replies being repeated without anything new?
- "is_progress_being_made": answer true or false. Did the latest messages bring the solution closer?
- "next_speaker": answer one of these names: {names}.
- "instruction_or_question": answer the text that this member should be told or asked now, with all details needed.

Example of the form:
{{"is_request_satisfied": {{"reason": "...", "answer": false}}, "is_in_loop": {{"reason": "...", "answer": false}},
"is_progress_being_made": {{"reason": "...", "answer": true}}, "next_speaker": {{"reason": "...", "answer": "..."}},
"instruction_or_question": {{"reason": "...", "answer": "..."}}}}"""

NEW_FACTS = """The work has stalled. Bring the case file up to date with what was learned since it was written: move
guesses that proved right to the facts, correct what proved wrong, and add at least one new, better founded guess.

The request is:
{task}

The case file so far:
{facts}"""

NEW_PLAN = """Say in a few words why the last attempt failed. Then write a new plan, as a short list of steps, that
avoids those mistakes and repeats none of the failed steps unchanged. The team is:

{team}"""

FINAL_ANSWER = """The work on this request has ended:

{task}

Using the conversation above, write the answer for the person who made the request. If the request could not be
dealt with completely, say what was found and what is missing."""
