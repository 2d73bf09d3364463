/**
 * Colours `%%agent` and `%%team` cells by their own grammar instead of as broken Python.
 *
 * The Python highlighter stays on, as JupyterLab sets it per notebook; our marks have the highest precedence, which
 * makes them the innermost elements, so that their colour is the one that shows.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { EditorExtensionRegistry, IEditorExtensionRegistry } from '@jupyterlab/codemirror';
import type { IEditorExtensionFactory } from '@jupyterlab/codemirror';
import type { ISharedCell } from '@jupyter/ydoc';
import { Prec, StateField } from '@codemirror/state';
import type { Extension, Range, Text } from '@codemirror/state';
import { Decoration, EditorView } from '@codemirror/view';
import type { DecorationSet } from '@codemirror/view';
import { isAgentCell, spansOf } from './cellSyntax';

const CLASS = 'jp-nbagents';
const line = Decoration.line({ class: `${CLASS}-line` });

/** The decorations of a whole cell; empty when its first line is not ours. */
function decorate(doc: Text): DecorationSet {
  if (!isAgentCell(doc.line(1).text)) {
    return Decoration.none;
  }
  const ranges: Range<Decoration>[] = [];
  for (let n = 1; n <= doc.lines; n++) {
    ranges.push(line.range(doc.line(n).from));
  }
  for (const { from, to, kind } of spansOf(doc.toString())) {
    if (to > from) {
      ranges.push(Decoration.mark({ class: `${CLASS}-${kind}` }).range(from, to));
    }
  }
  return Decoration.set(ranges, true);
}

const decorations = StateField.define<DecorationSet>({
  create: state => decorate(state.doc),
  update: (current, transaction) => (transaction.docChanged ? decorate(transaction.newDoc) : current),
  provide: field => EditorView.decorations.from(field)
});

export const agentCellHighlighting: Extension = Prec.highest(decorations);

/** Whether an editor's model is a code cell of a notebook: not a file, a console or a markdown cell. */
function isNotebookCode(model: IEditorExtensionFactory.IOptions['model']): boolean {
  const cell = model.sharedModel as Partial<ISharedCell>;
  return cell.cell_type === 'code' && Boolean(cell.notebook);
}

export const highlight: JupyterFrontEndPlugin<void> = {
  id: 'nbagents:highlight',
  description: 'Highlights %%agent and %%team cells.',
  autoStart: true,
  requires: [IEditorExtensionRegistry],
  activate: (_app: JupyterFrontEnd, registry: IEditorExtensionRegistry): void => {
    registry.addExtension({
      name: 'nbagents:agent-cell',
      factory: ({ model }) =>
        isNotebookCode(model) ? EditorExtensionRegistry.createImmutableExtension(agentCellHighlighting) : null
    });
  }
};
