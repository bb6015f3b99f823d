package segue;

import io.delta.storage.HadoopFileSystemLogStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.util.Arrays;
import java.util.Iterator;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Writes Delta's log to an object store: creates the file of a commit only if there is no file of its version yet.
 *
 * <p>Delta's default for S3 (S3SingleDriverLogStore) checks whether the version exists and then writes it. If two JVMs
 * do this at the same time, the later write replaces the earlier commit, and both JVMs report success. Here the object
 * store itself refuses the second write (If-None-Match in S3's PUT, which Hadoop's S3A sends from version 3.4.2 on).
 */
public class ConditionalLogStore extends HadoopFileSystemLogStore {

  private static final String CONDITION = "fs.option.create.conditional.overwrite";

  public ConditionalLogStore(Configuration configuration) {
    super(configuration);
  }

  @Override
  public void write(Path path, Iterator actions, Boolean overwrite, Configuration configuration) throws IOException {
    FileSystem system = path.getFileSystem(configuration);
    ByteArrayOutputStream lines = new ByteArrayOutputStream();
    while (actions.hasNext()) {
      lines.write(((String) actions.next()).getBytes(StandardCharsets.UTF_8));
      lines.write('\n');
    }
    byte[] content = lines.toByteArray();
    // Delta overwrites the pointer to the last checkpoint (_last_checkpoint), but never a commit.
    FSDataOutputStreamBuilder builder = system.createFile(path);
    builder.overwrite(overwrite.booleanValue());
    if (!overwrite.booleanValue()) {
      if (system.exists(path)) {
        throw new FileAlreadyExistsException(path.toString());
      }
      builder.must(CONDITION, true);
    }
    try {
      FSDataOutputStream stream = (FSDataOutputStream) builder.build();
      try {
        stream.write(content);
      } finally {
        stream.close();
      }
    } catch (IOException error) {
      if (overwrite.booleanValue() || !system.exists(path)) {
        throw error;
      }
      // S3A repeats a request whose answer was lost. The store then refuses the repeated request, though the first one
      // has created the file: it is this commit if the content is the same.
      if (!Arrays.equals(content, read(system, path))) {
        throw new FileAlreadyExistsException(path.toString());
      }
    }
  }

  private static byte[] read(FileSystem system, Path path) throws IOException {
    FSDataInputStream stream = system.open(path);
    try {
      return stream.readAllBytes();
    } finally {
      stream.close();
    }
  }

  /** Returns false: a file of an object store appears only when all of it has been written. */
  @Override
  public Boolean isPartialWriteVisible(Path path, Configuration configuration) {
    return Boolean.FALSE;
  }
}
