/** What a person chose in JupyterLab's settings; see `schema/sidebar.json`. */
export interface IPreferences {
  /** Load code brings `import kachery_jupyter as kc` along where that is missing. */
  insertImport: boolean;
  /** Deleting asks first; either way it can be undone. */
  confirmDeletes: boolean;
}

/** What holds until the settings are known, and without any. */
export const USUAL: Readonly<IPreferences> = { insertImport: true, confirmDeletes: false };

/** Preferences as JupyterLab keeps them; what is missing or of another type is as usual. */
export function preferencesIn(settings: Readonly<Record<string, unknown>>): IPreferences {
  const chosen = (key: keyof IPreferences): boolean => {
    const value = settings[key];
    return typeof value === 'boolean' ? value : USUAL[key];
  };
  return { insertImport: chosen('insertImport'), confirmDeletes: chosen('confirmDeletes') };
}
