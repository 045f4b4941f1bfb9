"""The list of images, in whatever form people have it, as rows."""
