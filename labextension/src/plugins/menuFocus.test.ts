import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Signal } from '@lumino/signaling';
import { afterEach, describe, expect, it } from 'vitest';
import { settle } from '../testing/scripted';
import { returnFocus } from './menuFocus';

describe('a menu that closes', () => {
  const menu = {} as { aboutToClose: Signal<object, void> };
  menu.aboutToClose = new Signal(menu);
  const app = { contextMenu: { menu } } as unknown as JupyterFrontEnd;
  const place = document.createElement('div');
  const list = document.createElement('button');
  place.append(list);
  const elsewhere = document.createElement('button');
  document.body.append(place, elsewhere);
  returnFocus(app, place);
  afterEach(() => (document.activeElement as HTMLElement).blur());

  function open(): void {
    list.focus();
    list.dispatchEvent(new MouseEvent('contextmenu', { bubbles: true }));
    list.blur();
  }

  it('gives the focus back to where it was opened', async () => {
    open();
    menu.aboutToClose.emit();
    await settle(40);
    expect(document.activeElement).toBe(list);
  });

  it('leaves the focus where a command put it', async () => {
    open();
    elsewhere.focus();
    menu.aboutToClose.emit();
    await settle(40);
    expect(document.activeElement).toBe(elsewhere);
  });
});
