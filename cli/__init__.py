"""The operator's and the analyst's command line: `./outcry …`, or `python -m cli …`."""
