import { nullTranslator } from '@jupyterlab/translation';
import { act } from 'react';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { KacheryError } from '../../node/errors';
import { ask } from './dialogs';
import { TextField } from './fields';

const trans = nullTranslator.load('kachery');

function button(label: string): HTMLElement {
  const found = [...document.querySelectorAll<HTMLElement>('.jp-Dialog button')];
  return found.find(each => each.textContent === label) ?? document.body;
}

async function settle(): Promise<void> {
  await act(() => new Promise<void>(resolve => setTimeout(resolve, 10)));
}

async function press(label: string): Promise<void> {
  act(() => button(label).click());
  await settle();
}

const dialog = (): string => document.querySelector('.jp-Dialog')?.textContent ?? '';

/** Asks for a name that must not be empty. */
async function asking<R>(submit: (values: { name: string }) => Promise<R>): Promise<{
  answer: Promise<R | null>;
}> {
  const answer = ask({
    title: 'Create a channel',
    accept: 'Create',
    values: { name: 'lab' },
    form: ({ values, set }) => (
      <TextField label="Name" value={values.name} onChange={name => set({ name })} />
    ),
    problem: ({ name }) => (name ? '' : 'Give it a name.'),
    submit,
    trans
  });
  await settle();
  return { answer };
}

async function type(text: string): Promise<void> {
  const input = document.querySelector<HTMLInputElement>('.jp-Dialog input');
  const setter = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set;
  act(() => {
    setter?.call(input, text);
    input?.dispatchEvent(new Event('input', { bubbles: true }));
  });
  await settle();
}

describe('a form in a dialog', () => {
  beforeAll(() => {
    // jsdom does no layout; the dialog asks for it when it takes the focus.
    Element.prototype.scrollIntoView ??= () => undefined;
  });
  afterEach(async () => {
    if (dialog()) {
      await press('Cancel');
    }
  });

  it('does what it is for, and closes', async () => {
    const { answer } = await asking(({ name }) => Promise.resolve(`made ${name}`));
    await press('Create');
    expect(await answer).toBe('made lab');
    expect(dialog()).toBe('');
  });

  it('does nothing when it is given up', async () => {
    const submit = vi.fn(() => Promise.resolve(1));
    const { answer } = await asking(submit);
    await press('Cancel');
    expect(await answer).toBeNull();
    expect(submit).not.toHaveBeenCalled();
  });

  it('stays and says what went wrong, until it works', async () => {
    let works = false;
    const failure = new KacheryError('hub', 'The hub is away.', 'Is its address right?');
    const { answer } = await asking(() =>
      works ? Promise.resolve('made') : Promise.reject(failure)
    );
    await press('Create');
    expect(dialog()).toContain('The hub is away.Is its address right?');
    works = true;
    await press('Create');
    expect(await answer).toBe('made');
  });

  it('says what is missing before anything is asked', async () => {
    const submit = vi.fn(() => Promise.resolve(1));
    await asking(submit);
    await type('');
    await press('Create');
    expect(dialog()).toContain('Give it a name.');
    expect(submit).not.toHaveBeenCalled();
    await type('club');
    expect(dialog()).not.toContain('Give it a name.');
    await press('Create');
    expect(submit).toHaveBeenCalledWith({ name: 'club' });
  });

  it('is not sent twice', async () => {
    let done: (value: number) => void = () => undefined;
    const submit = vi.fn(() => new Promise<number>(resolve => (done = resolve)));
    const { answer } = await asking(submit);
    await press('Create');
    expect(dialog()).toContain('One moment…');
    await press('Create');
    expect(submit).toHaveBeenCalledTimes(1);
    done(7);
    expect(await answer).toBe(7);
  });
});
