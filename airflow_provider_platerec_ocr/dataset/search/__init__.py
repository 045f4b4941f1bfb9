"""Looking for reads in the published table as it lies there: by code, image, camera, day; newest first; no index."""
