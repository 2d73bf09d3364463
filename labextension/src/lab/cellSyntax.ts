/**
 * The grammar of an agent or team cell, as coloured spans: text in, spans out, no editor.
 *
 *     %%agent NAME [--flag value]...      the magic line
 *     ---                                 optional front matter, YAML
 *     model: ...
 *     ---
 *     Instructions, in prose.
 *
 * The body of `%%team create` is YAML throughout. The YAML tokens come from CodeMirror's own YAML mode, so that they
 * look as YAML does elsewhere in JupyterLab. The spans lie side by side and never overlap.
 */
import { StreamLanguage } from '@codemirror/language';
import { yaml } from '@codemirror/legacy-modes/mode/yaml';
import { highlightTree, tagHighlighter, tags } from '@lezer/highlight';

export type Kind =
  | 'magic'
  | 'verb'
  | 'name'
  | 'flag'
  | 'value'
  | 'fence'
  | 'key'
  | 'string'
  | 'number'
  | 'constant'
  | 'punctuation'
  | 'comment'
  | 'plain'
  | 'prose';

export interface Span {
  from: number;
  to: number;
  kind: Kind;
}

const MAGIC = /^%%(agent|team)(?=\s|$)/;
const FENCE = /^---\s*$/;
const WORD = /"[^"]*"?|'[^']*'?|\S+/g;

const yamlParser = StreamLanguage.define(yaml).parser;

/** What CodeMirror's YAML mode calls a token, and the kind that we call it. */
const yamlKinds = tagHighlighter([
  { tag: tags.atom, class: 'key' satisfies Kind },
  { tag: tags.string, class: 'string' satisfies Kind },
  { tag: tags.number, class: 'number' satisfies Kind },
  { tag: tags.keyword, class: 'constant' satisfies Kind },
  { tag: tags.meta, class: 'punctuation' satisfies Kind },
  { tag: tags.comment, class: 'comment' satisfies Kind }
]);

/** Whether the first line makes this a cell of ours. */
export function isAgentCell(text: string): boolean {
  return MAGIC.test(text);
}

/** The spans of a cell from start to end; none when the cell is not one of ours. */
export function spansOf(text: string): Span[] {
  if (!isAgentCell(text)) {
    return [];
  }
  const firstEnd = lineEnd(text, 0);
  const magicLine = text.slice(0, firstEnd);
  const spans = magicSpans(magicLine);
  if (firstEnd < text.length) {
    const isYaml = /^%%team\s+create\b/.test(magicLine);
    spans.push(...bodySpans(text, firstEnd + 1, isYaml));
  }
  return spans;
}

function lineEnd(text: string, from: number): number {
  const at = text.indexOf('\n', from);
  return at === -1 ? text.length : at;
}

function magicSpans(line: string): Span[] {
  const magic = MAGIC.exec(line)![0];
  const spans: Span[] = [{ from: 0, to: magic.length, kind: 'magic' }];
  const positional: Kind[] = magic === '%%team' ? ['verb', 'name'] : ['name'];
  for (const word of line.slice(magic.length).matchAll(WORD)) {
    const from = magic.length + word.index;
    const isFlag = word[0].startsWith('-');
    const kind = isFlag ? 'flag' : positional.shift() ?? 'value';
    if (isFlag) {
      positional.length = 0; // a name stands before the flags
    }
    spans.push({ from, to: from + word[0].length, kind });
  }
  return spans;
}

function bodySpans(text: string, from: number, isYaml: boolean): Span[] {
  const firstEnd = lineEnd(text, from);
  if (isYaml || !FENCE.test(text.slice(from, firstEnd))) {
    return isYaml ? yamlSpans(text, from, text.length) : proseSpans(text, from);
  }
  const spans: Span[] = [{ from, to: firstEnd, kind: 'fence' }];
  const close = closingFence(text, firstEnd + 1);
  spans.push(...yamlSpans(text, firstEnd + 1, close?.from ?? text.length));
  if (close) {
    spans.push(close, ...proseSpans(text, close.to + 1));
  }
  return spans;
}

/** The line that ends the front matter; undefined while its author has not typed it yet. */
function closingFence(text: string, from: number): Span | undefined {
  for (let at = from; at < text.length; at = lineEnd(text, at) + 1) {
    const to = lineEnd(text, at);
    if (FENCE.test(text.slice(at, to))) {
      return { from: at, to, kind: 'fence' };
    }
  }
  return undefined;
}

function proseSpans(text: string, from: number): Span[] {
  return from < text.length ? [{ from, to: text.length, kind: 'prose' }] : [];
}

function yamlSpans(text: string, from: number, to: number): Span[] {
  const source = text.slice(from, to);
  const spans: Span[] = [];
  let done = from;
  highlightTree(yamlParser.parse(source), yamlKinds, (start, end, kind) => {
    if (from + start > done) {
      spans.push({ from: done, to: from + start, kind: 'plain' });
    }
    spans.push({ from: from + start, to: from + end, kind: kind as Kind });
    done = from + end;
  });
  if (done < to) {
    spans.push({ from: done, to, kind: 'plain' });
  }
  return spans;
}
